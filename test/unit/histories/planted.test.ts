import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { said, useWorld } from '../../histories/useWorld.ts';

/** Slow enough for a busy machine, with a short patience for locks that can never be taken. */
const calm = { pace: 4, times: { patience: 6000 } };
const most = 2 ** 52 - 1;
/** The largest generation that passes for one in a file. */
const readable = 2 ** 48 - 1;

describe('what lies in the folder of the locks and is not ours', function () {
  this.timeout(120_000);
  const world = useWorld();
  const path = (file: string) => join(world.now.folder, `n-a.${file}`);

  const plants: Readonly<Record<string, (file: string, elsewhere: string) => void>> = {
    'a symbolic link to a folder': (file, elsewhere) => symlinkSync(elsewhere, file),
    'a symbolic link to a file': (file, elsewhere) => symlinkSync(join(elsewhere, 'precious'), file),
    'a symbolic link to nothing': (file, elsewhere) => symlinkSync(join(elsewhere, 'nothing'), file),
    'a FIFO': file => void execFileSync('mkfifo', [file]),
    'a folder': file => {
      mkdirSync(file);
      writeFileSync(join(file, 'precious'), 'kept');
    },
  };

  for (const [what, plant] of Object.entries(plants)) {
    for (const file of ['lock', 'ledger', 'journal', 'signed-out']) {
      it(`${what} as ${file}: nothing is followed, nothing hangs, a new sign-in works`, async function () {
        if (process.platform === 'win32') return this.skip();
        const elsewhere = join(world.now.place, 'elsewhere');
        mkdirSync(elsewhere);
        writeFileSync(join(elsewhere, 'precious'), 'kept');
        const one = await world.open(calm);
        await world.signIn(one);
        assert.equal(said(await world.refresh(one)), 'refreshed');
        rmSync(path(file), { force: true, recursive: true });
        plant(path(file), elsewhere);
        const two = await world.open(calm);
        for (const window of [one, two]) {
          const reply = await world.refresh(window);
          assert.match(said(reply), /refreshed|adopted|retryable lock_|record_behind/, what);
        }
        const raw = world.now.issuer.signIn();
        const signedIn = await world.ask(two, 'signIn', { id: 'a', raw });
        assert.match(said(signedIn), /^(signedIn|failed lock_unavailable|failed lock_timeout)$/);
        assert.ok(existsSync(join(elsewhere, 'precious')), 'what the link leads to is untouched');
        rmSync(path(file), { force: true, recursive: true });
        await world.signIn(two);
        assert.equal(said(await world.refresh(two)), 'refreshed');
        assert.equal(world.now.issuer.revoked.size, 0);
      });
    }
  }

  const texts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    journal: {
      'the largest number': `${most}\nx`,
      'the largest number that is read': `${readable}\nx`,
      'a number above all': '9007199254740991\nx',
      'no number': 'x\nx',
      nothing: '',
      'half of one': '12',
      'a negative number': '-1\nx',
      'a megabyte': 'x'.repeat(2 ** 20),
    },
    ledger: {
      'the largest number': JSON.stringify({ version: 1, generation: most, after: 0 }),
      'the largest number that is read': JSON.stringify({ version: 1, generation: readable, after: 0 }),
      'a number above all': JSON.stringify({ version: 1, generation: 2 ** 53, after: 0 }),
      'the largest number after': JSON.stringify({ version: 1, generation: 1, after: most }),
      nothing: '',
      'half of one': '{"version":1,"genera',
      'a later version': JSON.stringify({ version: 2, generation: 1, after: 0 }),
      'a megabyte': 'x'.repeat(2 ** 20),
    },
    'signed-out': {
      'the largest number': JSON.stringify({ version: 1, generation: most, at: 0 }),
      'a number above all': JSON.stringify({ version: 1, generation: 2 ** 53, at: 0 }),
      nothing: '',
      'half of one': '{"version":1,"genera',
    },
  };
  for (const [file, all] of Object.entries(texts)) {
    for (const [what, text] of Object.entries(all)) {
      it(`${what} as ${file}: a new sign-in works`, async () => {
        const one = await world.open(calm);
        await world.signIn(one);
        assert.equal(said(await world.refresh(one)), 'refreshed');
        writeFileSync(path(file), text);
        const two = await world.open(calm);
        for (const window of [one, two]) {
          const reply = await world.refresh(window);
          assert.notEqual(reply.error?.code, 'internal', JSON.stringify(reply));
        }
        await world.signIn(two);
        assert.equal(said(await world.refresh(two)), 'refreshed');
        assert.match(said(await world.refresh(one)), /refreshed|adopted/);
        assert.equal(world.now.issuer.revoked.size, 0);
      });
    }
  }
});
