/** Where the members of a part stand in its base64url. */

export interface MemberRange {
  /** As written in the text, with quotes and escapes. */
  readonly name: string;
  /**
   * Offsets into the encoded part, `end` exclusive. They include every character with at least one bit of the member.
   */
  readonly start: number;
  readonly end: number;
}

/**
 * The ranges of the top-level members of a JSON object, in their order and including duplicates, so that the inspector
 * can link the JSON with its base64url. `json` must be valid. Linear in the text.
 */
export function memberRanges(json: string): MemberRange[] {
  const found: { name: string; start: number; end: number }[] = [];
  let depth = 0;
  let start = -1;
  let name = '';
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') {
      const end = closingQuote(json, at);
      if (depth === 1 && start < 0) {
        start = at;
        name = json.slice(at, end + 1);
      }
      at = end;
    } else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']' || character === ',') {
      if (depth === 1 && start >= 0) {
        found.push({ name, start, end: at });
        start = -1;
      }
      if (character !== ',') depth--;
    }
  }
  return toEncoded(json, found);
}

function closingQuote(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === '\\') at++;
    else if (json[at] === '"') return at;
  }
  return json.length;
}

/**
 * Converts offsets in the JSON to offsets in its base64url: three bytes are four characters, so a character can belong
 * to two members.
 */
function toEncoded(json: string, members: readonly MemberRange[]): MemberRange[] {
  const encoder = new TextEncoder();
  let bytes = 0;
  let read = 0;
  const bytesUntil = (offset: number) => {
    bytes += encoder.encode(json.slice(read, offset)).length;
    read = offset;
    return bytes;
  };
  return members.map(({ name, start, end }) => {
    const from = bytesUntil(start);
    const to = bytesUntil(start + json.slice(start, end).trimEnd().length);
    bytesUntil(end);
    return { name, start: Math.floor((from * 4) / 3), end: Math.ceil((to * 4) / 3) };
  });
}
