import assert from 'node:assert/strict';
import { createFlights, type Flight } from '../../../../src/core/waiting.ts';
import { failureOf } from '../../../support/failureOf.ts';

/** Work that the test ends. */
function work() {
  const started: { flight: Flight; resolve: (value: string) => void; reject: (error: unknown) => void }[] = [];
  const start = (flight: Flight) =>
    new Promise<string>((resolve, reject) => {
      started.push({ flight, resolve, reject });
    });
  const nth = (index: number) => started[index] ?? assert.fail(`no. ${index} was not started`);
  return { start, started, nth };
}

const turn = () => new Promise(resolve => setImmediate(resolve));

describe('createFlights', () => {
  it('shares work among callers of one id', async () => {
    const flights = createFlights<string>();
    const { start, started, nth } = work();
    const results = [flights.join('a', undefined, start), flights.join('a', undefined, start)];
    const other = flights.join('b', undefined, start);
    await turn();
    assert.equal(started.length, 2);
    nth(0).resolve('one');
    nth(1).resolve('two');
    assert.deepEqual(await Promise.all([...results, other]), ['one', 'one', 'two']);
    const later = flights.join('a', undefined, start);
    await turn();
    nth(2).resolve('later');
    assert.equal(await later, 'later');
  });

  it('gives a failure to all, and starts anew after it', async () => {
    const flights = createFlights<string>();
    const { start, nth } = work();
    const results = [flights.join('a', undefined, start), flights.join('a', new AbortController().signal, start)];
    const outcomes = Promise.allSettled(results);
    await turn();
    nth(0).reject(new Error('no'));
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    void flights.join('a', undefined, start);
    await turn();
    nth(1);
  });

  it('goes on while somebody waits, and is called back with the last', async () => {
    const flights = createFlights<string>();
    const { start, nth } = work();
    const [one, two] = [new AbortController(), new AbortController()];
    const leaving = [one, two].map(({ signal }) => failureOf(flights.join('a', signal, start)));
    await turn();
    one.abort();
    assert.equal((await leaving[0])?.code, 'cancelled');
    assert.equal(nth(0).flight.signal.aborted, false);
    two.abort();
    assert.deepEqual((await leaving[1])?.data, { sent: false });
    assert.equal(nth(0).flight.signal.aborted, true);
    assert.equal(nth(0).flight.discarded.aborted, false);
  });

  it('is not called back once it is sent', async () => {
    const flights = createFlights<string>();
    const { start, nth } = work();
    const abort = new AbortController();
    const leaving = failureOf(flights.join('a', abort.signal, start));
    await turn();
    nth(0).flight.sent = true;
    abort.abort();
    assert.deepEqual((await leaving).data, { sent: true });
    assert.equal(nth(0).flight.signal.aborted, false);
    const joined = flights.join('a', undefined, start);
    nth(0).resolve('done');
    assert.equal(await joined, 'done');
  });

  it('does not start for a caller who has left already', async () => {
    const { start, started } = work();
    assert.equal((await failureOf(createFlights<string>().join('a', AbortSignal.abort(), start))).code, 'cancelled');
    await turn();
    assert.equal(started.length, 0);
  });

  it('is followed by other work when it was called back', async () => {
    const flights = createFlights<string>();
    const { start, nth } = work();
    const abort = new AbortController();
    const leaving = failureOf(flights.join('a', abort.signal, start));
    await turn();
    abort.abort();
    await leaving;
    const second = flights.join('a', undefined, start);
    await turn();
    assert.deepEqual([flights.isCurrent('a', nth(0).flight), flights.isCurrent('a', nth(1).flight)], [false, true]);
    nth(0).resolve('old');
    await turn();
    assert.equal(flights.isCurrent('a', nth(1).flight), true);
    nth(1).resolve('new');
    assert.equal(await second, 'new');
    assert.equal(flights.isCurrent('a', nth(1).flight), false);
  });

  it('is dropped by discard, the called back one as well, and no other id', async () => {
    const flights = createFlights<string>();
    const { start, nth } = work();
    const abort = new AbortController();
    const leaving = failureOf(flights.join('a', abort.signal, start));
    await turn();
    abort.abort();
    await leaving;
    void flights.join('a', undefined, start);
    void flights.join('b', undefined, start);
    await turn();
    flights.discard('a');
    const state = [0, 1, 2].map(index => {
      const { signal, discarded } = nth(index).flight;
      return [signal.aborted, discarded.aborted];
    });
    assert.deepEqual(state, [
      [true, true],
      [true, true],
      [false, false],
    ]);
    flights.callOff();
    assert.deepEqual([nth(2).flight.signal.aborted, nth(2).flight.discarded.aborted], [true, false]);
  });
});
