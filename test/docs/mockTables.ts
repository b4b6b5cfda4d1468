import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/project.mjs';
import { operations } from '../../src/mock/control.ts';
import { faultFields, faultRows, faultTypes } from '../../src/mock/faults.ts';
import { configShape, serverFields } from '../../src/mock/nodeServer.ts';
import { type Persona, personas } from '../../src/mock/personas.ts';
import { clientFields, userFields } from '../../src/mock/registry.ts';
import type { Fields } from '../../src/mock/shape.ts';
import { scenarios } from '../../src/mock/torture/scenarios.ts';

/** The parts of docs/mock-issuer.md that are generated from the mock's tables. */
const parts: Readonly<Record<string, () => string>> = {
  options: () => fieldTable('option', serverFields),
  clients: () => fieldTable('member', clientFields),
  faultMembers: () => fieldTable('member', faultFields),
  faults: faultList,
  users: () => fieldTable('member', userFields),
  control: controlList,
  scenarios: scenarioList,
  personas: personaList,
  examples,
};

/** The document with its generated parts replaced. The text between them is written by hand. */
export function withTables(document: string): string {
  return document.replace(/<!-- made: (\w+) -->\n[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const make = parts[name];
    if (make === undefined) throw new Error(`docs/mock-issuer.md: no part is called ${name}`);
    return `<!-- made: ${name} -->\n${make()}\n<!-- end -->`;
  });
}

/** The schema with which VS Code completes a mock-issuer.json. Draft 7 is the latest that VS Code supports in full. */
export function configSchema(): string {
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...configShape.schema }, undefined, 2)}\n`;
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
  return ['| type | what a client sees | endpoints | members |', '|---|---|---|---|', ...rows].join('\n');
}

function controlList(): string {
  const rows = operations.map(({ method, path, summary, fields = {}, body }) => {
    const members =
      body === undefined
        ? Object.keys(fields)
            .map(name => `\`${name}\``)
            .join(', ')
        : body.expected;
    return `| \`${method} /control/${path}\` | ${cell(summary)} | ${cell(members)} |`;
  });
  return ['| request | | members |', '|---|---|---|', ...rows].join('\n');
}

function scenarioList(): string {
  const rows = scenarios.map(({ id, title, must, severity, section }) => {
    return `| \`${id}\` | ${cell(title)} | ${must} | ${severity === 'must' ? 'fail' : 'warning'} | ${cell(section)} |`;
  });
  return [
    '| scenario | what the issuer does | the client must | otherwise | specification |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function personaList(): string {
  const rows = Object.entries<Persona>(personas).map(([name, persona]) => {
    const { sources, slash, issuerEnd, paths, logout, userInIdToken, withoutAudience, clientAudience, statuses } =
      persona;
    const quirks = [
      ...(slash ? ['issuer ends in a slash'] : []),
      ...(issuerEnd ? [`issuer ends in \`/${issuerEnd}\`, which the paths do not have`] : []),
      ...Object.values(paths).map(path => `\`${path}\``),
      ...(logout?.path ? [`\`${logout.path}\``] : []),
      ...(logout ? [`sign-out with \`${logout.returnTo}\``] : []),
      ...(userInIdToken ? ['ID tokens have the claims of the scopes'] : []),
      ...(logout?.first ? ['sign-out without a URL redirects to the first registered one'] : []),
      ...(clientAudience ? ['the `aud` of access tokens is the client'] : []),
      ...(withoutAudience ? ['access tokens have no `aud`'] : []),
      ...Object.entries(statuses ?? {}).map(([error, status]) => `\`${error}\` with status ${status}`),
    ];
    return `| \`${name}\` | ${quirks.join(', ')} | ${sources.map((url, index) => `[${index + 1}](${url})`).join(' ')} |`;
  });
  return ['| `persona` | differences | sources, also for its claims |', '|---|---|---|', ...rows].join('\n');
}

/** The example files as they are packaged and tested. */
function examples(): string {
  const folder = join(root, 'mock-issuer', 'examples');
  return readdirSync(folder)
    .sort()
    .map(name => {
      const language = name.endsWith('.py') ? 'python' : 'js';
      return `### ${name}\n\n\`\`\`${language}\n${readFileSync(join(folder, name), 'utf8')}\`\`\``;
    })
    .join('\n\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
