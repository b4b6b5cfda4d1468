import assert from 'node:assert/strict';
import { firstLine, sanitized } from '../../../../src/core/redact.ts';

describe('foreign text', () => {
  it('hides what looks like a token and what was sent, as it is and percent-encoded', () => {
    assert.equal(sanitized('bad eyJhbGciOiJub25lIn0.e30. here', 100), 'bad [hidden] here');
    assert.equal(sanitized('got s3cr/t and s3cr%2Ft', 100, ['s3cr/t']), 'got [hidden] and [hidden]');
    assert.equal(sanitized('a plain sentence', 100, ['a', '']), 'a plain sentence');
  });

  it('hides a secret before it cuts, so that no part of one is left', () => {
    const text = `${'filler-secret-1 '.repeat(49)}${'x '.repeat(7)}canary`;
    assert.doesNotMatch(sanitized(text, 100, ['filler-secret-1', 'canary']), /can/);
  });

  it('is one line, with nothing invisible', () => {
    assert.equal(sanitized(' a\r\n\tb\u202ec\u200b ', 100), 'a b\\u{202e}c\\u{200b}');
    assert.equal(sanitized('abcdef', 3), 'abc…');
  });

  for (const [body, line] of [
    ['<html><head><title> Sign in &amp; more </title></head><body>x', 'Sign in & more'],
    ['<!DOCTYPE html>\n<title></title><script>var a = "<b>";</script><h1>Oops</h1>', 'Oops'],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 'AccessDenied'],
    ['<html><style>p { color: red }</style><!-- a --><p>Hello</p>', 'Hello'],
    ['<html><script>never closed', undefined],
    ['upstream connect error\nmore', 'upstream connect error'],
    ['\n\n  1 < 2 \n', '1 < 2'],
    ['  ', undefined],
    ['', undefined],
  ] as const) {
    it(`has a first line: ${JSON.stringify(body.slice(0, 40))}`, () => {
      assert.equal(firstLine(body, 100), line);
    });
  }

  it('is read in no time, however odd it is', function () {
    this.timeout(60_000);
    for (const piece of ['<', '<!--', '<script>', '<title ', '&amp;', 'eyJ.', ' ', '<style></', '\u200b']) {
      firstLine(`<html>${piece.repeat(250_000)}`, 300, ['secret']);
      firstLine(piece.repeat(250_000), 300, ['secret']);
    }
  });
});
