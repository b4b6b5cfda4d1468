import { faultFields, faultRows, faultTypes } from '../../src/mock/faults.ts';
import { serverFields } from '../../src/mock/nodeServer.ts';
import { clientFields } from '../../src/mock/options.ts';
import type { Fields } from '../../src/mock/shape.ts';

/** The parts of docs/mock-issuer.md that are made from the mock's own tables. */
const parts: Readonly<Record<string, () => string>> = {
  options: () => fieldTable('option', serverFields),
  clients: () => fieldTable('member', clientFields),
  faultMembers: () => fieldTable('member', faultFields),
  faults: faultList,
};

/** The document with its made parts made anew; what stands between them is written by hand. */
export function withTables(document: string): string {
  return document.replace(/<!-- made: (\w+) -->\n[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const make = parts[name];
    if (make === undefined) throw new Error(`docs/mock-issuer.md: no part is called ${name}`);
    return `<!-- made: ${name} -->\n${make()}\n<!-- end -->`;
  });
}

function fieldTable(head: string, fields: Fields): string {
  const rows = Object.entries(fields).map(([name, { shape, about, usual, needed }]) => {
    const usually = needed ? 'required' : (usual ?? 'none');
    return `| \`${name}\` | ${cell(shape.expected)} | ${cell(usually)} | ${cell(about)} |`;
  });
  return [`| ${head} | value | default | |`, '|---|---|---|---|', ...rows].join('\n');
}

function faultList(): string {
  const rows = faultTypes.map(type => {
    const { title, at, parameters } = faultRows[type];
    const members = Object.entries(parameters).map(([name, { about, usual, needed }]) => {
      return `\`${name}\`${needed ? ', required' : ''}: ${about}${usual === undefined ? '' : ` Default: ${usual}.`}`;
    });
    const where = at.length > 2 ? 'everywhere' : at.map(each => `\`${each}\``).join(', ');
    return `| \`${type}\` | ${cell(title)} | ${where} | ${cell(members.join('<br>'))} |`;
  });
  return ['| type | what a client sees | where | members |', '|---|---|---|---|', ...rows].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
