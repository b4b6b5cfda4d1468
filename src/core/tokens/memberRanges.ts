/** Where the members of a token's JSON stand, in the JSON and in its base64url: what links the two on screen. */

export interface MemberRange {
  /** As it stands in the text, quotes and escapes included. */
  readonly name: string;
  /** Offsets into the encoded part, `end` exclusive: the characters that hold any bit of the member. */
  readonly start: number;
  readonly end: number;
}

/** The top-level members of a JSON object that JSON.parse accepts, in their order, duplicates included. Linear. */
export function memberRanges(json: string): MemberRange[] {
  const found: { name: string; start: number; end: number }[] = [];
  let depth = 0;
  let start = -1;
  let name = '';
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') {
      const end = endOfString(json, at);
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

function endOfString(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === '\\') at++;
    else if (json[at] === '"') return at;
  }
  return json.length;
}

/** Three bytes are four characters of base64url; a member that ends within them has a part of the character. */
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
