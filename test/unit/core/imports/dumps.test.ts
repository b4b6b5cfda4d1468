import assert from 'node:assert/strict';
import { importText } from '../../../../src/core/imports/importText.ts';
import { access, base64, type ImportRow, itReads, special } from '../../../support/importRows.ts';

const both = { access_token: access, refresh_token: special };

/** What programs print, export and dump, each with a notation that no row of writings.test.ts has. */
const rows: readonly ImportRow[] = [
  [
    'a case class of Scala with an Option',
    'https://www.scala-lang.org/api/current/scala/Some.html',
    `Tokens(access_token = ${access}, refresh_token = Some(${special}))`,
    both,
  ],
  [
    'pointers of gdb',
    'https://sourceware.org/gdb/current/onlinedocs/gdb.html/Print-Settings.html',
    `$1 = {access_token = 0x5555 "${access}", refresh_token = 0x5556 "${special}"}`,
    both,
  ],
  [
    'an export of KeePass',
    'https://keepass.info/help/kb/kdbx.html',
    `<String><Key>access_token</Key><Value ProtectInMemory="True">${access}</Value></String><String><Key>refresh_token</Key><Value ProtectInMemory="True">${special}</Value></String>`,
    both,
  ],
  [
    'attributes of SAML',
    'https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf',
    `<saml:Attribute Name="access_token"><saml:AttributeValue>${access}</saml:AttributeValue></saml:Attribute>\n<saml:Attribute Name="refresh_token">\n<saml:AttributeValue xsi:type="xs:string">${special}</saml:AttributeValue></saml:Attribute>`,
    both,
  ],
  [
    'secret variables in the log of Azure DevOps',
    'https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands',
    `##vso[task.setvariable variable=ACCESS_TOKEN;issecret=true]${access}\n##vso[task.setvariable variable=REFRESH_TOKEN;issecret=true]${special}\n`,
    both,
  ],
  [
    'commands in the log of GitHub Actions',
    'https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands',
    `::set-output name=access_token::${access}\n::set-output name=refresh_token::${special}\n`,
    both,
  ],
  [
    'base64 in LDIF',
    'https://www.rfc-editor.org/rfc/rfc2849',
    `dn: cn=app,dc=example\naccessToken:: ${base64(access)}\nrefreshToken:: ${base64(special)}\n`,
    both,
    ['base64_decoded'],
  ],
  [
    'reg query',
    'https://learn.microsoft.com/windows-server/administration/windows-commands/reg-query',
    `HKEY_CURRENT_USER\\Software\\App\r\n    AccessToken    REG_SZ    ${access}\r\n    RefreshToken    REG_SZ    ${special}\r\n`,
    both,
  ],
  [
    'the monitor of Redis',
    'https://redis.io/docs/latest/commands/monitor/',
    `1795000000.1 [0 127.0.0.1:1] "HSET" "session:1" "access_token" "${access}" "refresh_token" "${special}"`,
    both,
  ],
  [
    'a dump of PostgreSQL',
    'https://www.postgresql.org/docs/current/sql-copy.html',
    `COPY public.tokens (id, access_token, refresh_token, created_at) FROM stdin;\n1\t${access}\t${special}\t2026-11-26\n\\.\n`,
    both,
  ],
  [
    'outputs of Pulumi',
    'https://www.pulumi.com/docs/iac/cli/commands/pulumi_stack_output/',
    `Current stack outputs (2):\n    OUTPUT         VALUE\n    access_token   ${access}\n    refresh_token  ${special}\n`,
    both,
  ],
  [
    'a message of Pub/Sub, which is base64',
    'https://cloud.google.com/pubsub/docs/push#receive_push',
    JSON.stringify({ message: { data: base64(JSON.stringify(both)), messageId: '1' } }),
    both,
  ],
  [
    'a record of Java with an Optional',
    'https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Record.html',
    `Tokens[accessToken=${access}, refreshToken=Optional[${special}]]`,
    both,
  ],
  [
    'the entries of a form, as Node prints them',
    'https://nodejs.org/api/util.html#utilinspectobject-options',
    `[ [ 'access_token', '${access}' ], [ 'refresh_token', '${special}' ] ]`,
    both,
  ],
  [
    'a hash of Racket',
    'https://docs.racket-lang.org/reference/hashtables.html',
    `#hash((access_token . "${access}") (refresh_token . "${special}"))`,
    both,
  ],
  [
    'a property list of Lisp',
    'https://www.lispworks.com/documentation/HyperSpec/Body/26_glo_p.htm',
    `(:ACCESS-TOKEN "${access}" :REFRESH-TOKEN "${special}")`,
    both,
  ],
  [
    'associations of Smalltalk',
    'https://www.gnu.org/software/smalltalk/manual/',
    `a Dictionary('access_token'->'${access}' 'refresh_token'->'${special}' )`,
    both,
  ],
  [
    'properties of SoapUI',
    'https://www.soapui.org/docs/functional-testing/properties/working-with-properties/',
    `<con:property><con:name>access_token</con:name><con:value>${access}</con:value></con:property><con:property><con:name>refresh_token</con:name><con:value>${special}</con:value></con:property>`,
    both,
  ],
  [
    'a parameter of AWS Systems Manager',
    'https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html',
    JSON.stringify({ Parameter: { Name: '/app/refresh_token', Type: 'SecureString', Value: special } }),
    { refresh_token: special },
  ],
  [
    'a secret of AWS Secrets Manager',
    'https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html',
    JSON.stringify({ ARN: 'arn:x', Name: 'app/refresh_token', SecretString: special }),
    { refresh_token: special },
  ],
  [
    'what grep finds, with the numbers of the lines',
    'https://www.gnu.org/software/grep/manual/grep.html',
    `config/.env:3:REFRESH_TOKEN=${special}\nconfig/.env:2:ACCESS_TOKEN=${access}\n`,
    both,
  ],
];

describe('a token in an export or a dump', () => {
  itReads(rows);

  it('is no path of a program, no column and no protected string of .NET', () => {
    for (const text of [
      'let access_token = models::AccessToken::deserialize_from_slice(&b)?;',
      'CREATE TABLE t ("access_token" "character varying(2000)", "refresh_token" "text");',
      'RefreshToken : System.Security.SecureString',
    ])
      assert.throws(() => importText(text), { code: 'nothing_to_import' }, text);
  });

  it('is read in time linear in the text', () => {
    for (const text of [
      'x<<EOF\n'.repeat(40_000),
      `= """${'a'.repeat(200_000)}`,
      'COPY t (access_token) FROM stdin;\n'.repeat(20_000),
      'access_token>'.repeat(20_000) + '<a '.repeat(20_000),
      'ZXlK\n'.repeat(60_000),
      `${'ZXlK'.repeat(10)}\n`.repeat(10_000),
    ]) {
      const since = process.cpuUsage();
      try {
        importText(text);
      } catch (error) {
        assert.equal(Object(error).code, 'nothing_to_import', text.slice(0, 20));
      }
      const { user } = process.cpuUsage(since);
      assert.ok(user < 5_000_000, `${text.slice(0, 20)} took ${user / 1000} ms`);
    }
  });
});
