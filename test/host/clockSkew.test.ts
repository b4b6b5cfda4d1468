import assert from 'node:assert/strict';
import { type Row, row, run, signedIn } from './support.ts';

/** The row of the verification below the access token whose text matches `words`. */
async function check(id: string, words: RegExp): Promise<Row> {
  const rows = await (await row([id, 'Access token', 'Verification'])).children();
  const found = rows.find(({ text }) => words.test(text));
  assert.ok(found, rows.map(({ text }) => text).join(' | '));
  return found;
}

describe('a clock that differs from that of the issuer', () => {
  it('has a line under the connection, and is named by the checks that fail because of it', async () => {
    const { mock, id, end } = await signedIn('clock', { accessTokenLifetime: 60 });
    await run('refresh', { connection: id });
    const quiet = await (await row([id])).children();
    assert.ok(quiet.every(({ item }) => item.label !== 'Clock'));

    mock.faults.set({ type: 'clockSkew', by: -93 });
    await run('refresh', { connection: id });
    const line = await row([id, 'Clock']);
    assert.match(String(line.item.description), /^9[234] s ahead of the issuer$/);
    const expired = await check(id, /^Expiry.*: failed:/);
    assert.match(
      expired.text,
      /The clock of this computer is 9[234] s ahead of the issuer's\. Let the system set the clock/,
    );

    mock.faults.set({ type: 'clockSkew', by: 600 });
    await run('refresh', { connection: id });
    assert.match(String((await row([id, 'Clock'])).item.description), /^10 min behind the issuer$|^599 s behind/);
    assert.match(
      (await check(id, /^Issued.*: warning:/)).text,
      /The clock of this computer is (10 min|599 s) behind the issuer/,
    );

    mock.faults.clear();
    await run('refresh', { connection: id });
    const after = await (await row([id])).children();
    assert.ok(after.every(({ item }) => item.label !== 'Clock'));
    await end();
  });
});
