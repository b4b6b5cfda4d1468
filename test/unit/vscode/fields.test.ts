import assert from 'node:assert/strict';
import {
  anything,
  choice,
  connectionId,
  flag,
  notation,
  object,
  optional,
  readFields,
  schemaOf,
  seconds,
  text,
  texts,
  withDefault,
} from '../../../src/vscode/commands/fields.ts';

describe('the fields of a command', () => {
  const fields = {
    connection: connectionId,
    as: withDefault(choice('token', 'bearer'), 'token'),
    url: optional(text),
    revoke: optional(flag),
    tolerance: optional(seconds),
    jwks: optional(object),
    audience: optional(texts),
    edit: optional(anything('{ header? }', { type: 'object' })),
  };

  it('are read once, with what is left out', () => {
    assert.deepEqual(readFields(fields, { connection: 'a' }), { connection: 'a', as: 'token' });
    const all = {
      connection: 'a',
      as: 'bearer',
      url: 'u',
      revoke: false,
      tolerance: 0,
      jwks: {},
      audience: ['b'],
      edit: 1,
    };
    assert.deepEqual(readFields(fields, all), all);
    assert.deepEqual(readFields(fields, { connection: 'a', audience: 'b' }).audience, ['b']);
  });

  it('name the member that is invalid or unknown', () => {
    for (const [given, field] of [
      [[], 'argument'],
      ['a', 'argument'],
      [{}, 'connection'],
      [{ connection: '' }, 'connection'],
      [{ connection: 'a', as: 'xml' }, 'as'],
      [{ connection: 'a', revoke: 'yes' }, 'revoke'],
      [{ connection: 'a', tolerance: -1 }, 'tolerance'],
      [{ connection: 'a', jwks: [] }, 'jwks'],
      [{ connection: 'a', audience: [5] }, 'audience'],
      [{ connection: 'a', ur: 'u' }, 'ur'],
      // Inherited members do not count as given.
      [JSON.parse('{"connection":"a","__proto__":{"as":"bearer"}}'), '__proto__'],
    ] as const)
      assert.throws(() => readFields(fields, given), { code: 'argument_invalid', data: { field, ...dataFor(given) } });

    function dataFor(given: unknown): object {
      try {
        readFields(fields, given);
        return {};
      } catch (error) {
        const { expected } = (error as { data: { expected?: string } }).data;
        return { expected };
      }
    }
  });

  it('are documented and completed as they are read', () => {
    assert.equal(
      notation({ connection: connectionId, as: fields.as, url: fields.url }),
      '{ connection: id, as?: "token" | "bearer", url?: string }',
    );
    assert.equal(notation({}), '{}');
    assert.deepEqual(schemaOf({ connection: connectionId, as: fields.as }), {
      type: 'object',
      properties: {
        connection: { type: 'string', minLength: 1 },
        as: { enum: ['token', 'bearer'], default: 'token' },
      },
      required: ['connection'],
      additionalProperties: false,
    });
  });
});
