import assert from 'node:assert/strict';
import { readConnection } from '../../../../src/core/records/connection.ts';
import {
  fillIn,
  startingPointOf,
  startingPoints,
  trimmedPlaceholder,
} from '../../../../src/core/signIn/startingPoints.ts';

describe('a starting point', () => {
  it('is there for each well-known issuer, once', () => {
    const ids = startingPoints.map(({ id }) => id);
    assert.deepEqual(ids, ['authing', 'auth0', 'okta', 'entra', 'keycloak', 'google', 'cognito', 'github', 'zitadel']);
  });

  for (const point of startingPoints) {
    it(`of ${point.label} makes a connection without a flaw from its examples`, () => {
      const filled = fillIn(point, point.placeholders);
      const entry = { id: point.id, label: point.label, clientId: 'some-client', ...filled };
      const { connection, problems } = readConnection(entry);
      assert.deepEqual(problems, []);
      assert.ok(connection?.issuer ?? connection?.tokenEndpoint);
      assert.doesNotMatch(JSON.stringify(connection), /[{]\w+[}]/);
      assert.match(point.page, /^https:\/\//);
      const asksOffline = filled.scope?.includes('offline_access') === true;
      assert.equal(asksOffline, point.refreshToken.startsWith('offline_access'));
    });

    it(`of ${point.label} uses what it asks for, and asks for what it uses`, () => {
      const used = [...JSON.stringify(point.connection).matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      assert.deepEqual([...new Set(used)].sort(), Object.keys(point.placeholders).sort());
      if (used.length > 0) assert.throws(() => fillIn(point, {}), RangeError);
    });
  }

  it('is found by its issuer if the issuer is unique to it', () => {
    const of = (issuer: string) => startingPointOf(issuer)?.id;
    assert.equal(of('https://accounts.google.com'), 'google');
    assert.equal(of('https://login.microsoftonline.com/1234/v2.0'), 'entra');
    assert.equal(of('https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a'), 'cognito');
    for (const issuer of [
      'https://accounts.google.com.evil.example',
      'https://a.example/',
      'https://accountsxgoogle.com',
    ])
      assert.equal(of(issuer), undefined, issuer);
  });

  it('takes what was pasted with too much around it', () => {
    assert.equal(trimmedPlaceholder(' https://example.eu.auth0.com/ '), 'example.eu.auth0.com');
    assert.equal(trimmedPlaceholder('/my-realm/'), 'my-realm');
    assert.equal(trimmedPlaceholder('https://'), '');
  });
});
