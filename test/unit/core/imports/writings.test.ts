import assert from 'node:assert/strict';
import { percentDecoded, writings } from '../../../../src/core/imports/escapes.ts';
import { importText } from '../../../../src/core/imports/importText.ts';
import {
  access,
  base64,
  claims,
  id,
  itReads,
  key,
  now,
  type ImportRow as Row,
  refresh,
  special,
} from '../../../support/importRows.ts';
import { encode, hmacJwt } from '../../../support/signing.ts';

const inSoap = (content: string) =>
  `<soapenv:Header><wsse:Security><wsse:BinarySecurityToken ValueType="urn:ietf:params:oauth:token-type:jwt" EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary">${content}</wsse:BinarySecurityToken></wsse:Security></soapenv:Header>`;

const cmd = (text: string) =>
  `^"${text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(/[^\w\s\-:=+~'/.',?;()*`]/g, '^$&')
    .replace(/%(?=\w)/g, '%^')}^"`;
const json = JSON.stringify({ access_token: access, refresh_token: special });
const both = { access_token: access, refresh_token: special };

const inParts = (value: string) =>
  `sb-x-auth-token.0=${value.slice(0, 300)}; sb-x-auth-token.1=${value.slice(300)}; theme=dark`;

const rows: Record<string, readonly Row[]> = {
  'is read through': [
    [
      'zero-width spaces of a page that shows JSON',
      'https://github.com/bhollis/jsonview/issues/129',
      `{"access_token": "${access}", "expires_in": \u200b3600, "refresh_token": "\u200b${special}"}`,
      { ...both, expires_in: 3600 },
    ],
    [
      'colours of a terminal',
      'https://nodejs.org/api/util.html#utilinspectobject-options',
      `{\n  access_token: \u001b[32m'${access}'\u001b[39m,\n  refresh_token: \u001b[32m'${special}'\u001b[39m\n}`,
      both,
    ],
    [
      'typographic quotes',
      'https://github.com/buildbuddy-io/buildbuddy/pull/8000',
      `{ “access_token”: “${access}”, “refresh_token”: “${special}” }`,
      both,
    ],
    [
      'typographic single quotes',
      'https://github.com/buildbuddy-io/buildbuddy/pull/8000',
      `{ ‘access_token’: ‘${access}’, ‘refresh_token’: ‘${special}’ }`,
      both,
    ],
    [
      'cookies of Supabase, in parts',
      'https://github.com/supabase/ssr/issues/25',
      inParts(`base64-${Buffer.from(JSON.stringify(both)).toString('base64url')}`),
      both,
    ],
    [
      'a JWT with percent-encoded dots',
      'https://www.rfc-editor.org/rfc/rfc3986#section-2.3',
      access.replaceAll('.', '%2E'),
      { access_token: access },
    ],
    [
      'the file of outputs of GitHub Actions',
      'https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#multiline-strings',
      `access_token<<EOF\n${access}\nEOF\nrefresh_token<<EOF\n${special}\nEOF\n`,
      both,
    ],
    [
      'heredocs of Terraform',
      'https://developer.hashicorp.com/terraform/language/expressions/strings#heredoc-strings',
      `refresh_token = <<-EOT\n  ${special}\n  EOT\naccess_token = "${access}"\n`,
      both,
    ],
    [
      'strings of TOML in three quotes',
      'https://toml.io/en/v1.0.0#string',
      `access_token = """\n${access}"""\nrefresh_token = '''${special}'''\n`,
      both,
    ],
  ],
  'is read through the escapes of': [
    [
      'cmd.exe, a form',
      'https://github.com/curlconverter/curlconverter/issues/143',
      `curl ^"https://login.example/token^" ^\r\n  -H ^"content-type: application/x-www-form-urlencoded^" ^\r\n  --data-raw ^"client_id=client-1^&grant_type=refresh_token^&refresh_token=${refresh}^&client_info=1^"`,
      { refresh_token: refresh },
    ],
    [
      'cmd.exe, JSON',
      'https://github.com/curlconverter/curlconverter/issues/143',
      `curl ^"https://login.example/token^" ^\r\n  --data-raw ${cmd(json)}`,
      both,
    ],
    [
      'cmd.exe, percent-encoding',
      'https://github.com/curlconverter/curlconverter/issues/143',
      `curl ^"https://login.example/token^" ^\r\n  --data-raw ${cmd(`grant_type=refresh_token&refresh_token=${encodeURIComponent(special)}&a=b`)}`,
      { refresh_token: special },
    ],
    [
      'cmd.exe in its older way',
      'https://github.com/ChromeDevTools/devtools-frontend (Copy as cURL (cmd) before 2020)',
      `curl "https://login.example/token" --data-raw "${json.replaceAll('"', '""')}"`,
      both,
    ],
    ['hexadecimal digits', 'a dump of a database', Buffer.from(json).toString('hex'), both],
    [
      'serialize()',
      'https://www.php.net/serialize',
      `a:2:{s:12:"access_token";s:${access.length}:"${access}";s:13:"refresh_token";s:${special.length}:"${special}";}`,
      both,
    ],
    ['PowerShell', 'Chrome, Copy as PowerShell', `Invoke-WebRequest -Body "${json.replaceAll('"', '`"')}"`, both],
    [
      'a shell, in double quotes',
      'https://curl.se/docs/manpage.html#-d',
      `curl -d "${json.replaceAll('"', '\\"')}" https://login.example/token`,
      both,
    ],
    [
      'a shell, in none',
      'https://curl.se/docs/manpage.html#-d',
      `curl -d grant_type=refresh_token\\&refresh_token=${refresh}\\&client_id=x`,
      { refresh_token: refresh },
    ],
    [
      "a shell's $'…'",
      'Firefox, Copy as cURL',
      `curl --data-raw $'grant_type=refresh_token&refresh_token=M.C5_BAY.-Cabc\\u0021def0123456789*ghi&x=1'`,
      { refresh_token: 'M.C5_BAY.-Cabc!def0123456789*ghi' },
    ],
    [
      'Java properties',
      'https://docs.oracle.com/javase/8/docs/api/java/util/Properties.html#load-java.io.Reader-',
      `oauth.refresh_token=${special.replace(/[:=#!]/g, '\\$&')}\noauth.access_token = ${access}\n`,
      both,
    ],
    [
      'JSON in JSON',
      'https://www.rfc-editor.org/rfc/rfc8259#section-7',
      JSON.stringify({ log: JSON.stringify({ body: json }) }),
      both,
    ],
    [
      'JSON in a string of code',
      'https://www.rfc-editor.org/rfc/rfc8259#section-7',
      `const answer = ${JSON.stringify(json)};`,
      both,
    ],
    [
      'JSON in a C string',
      'https://en.cppreference.com/w/c/language/escape',
      `char *s = ${JSON.stringify(json)};`,
      both,
    ],
    [
      'a form in JSON as Go writes it',
      'https://pkg.go.dev/encoding/json#Marshal',
      `level=info body="grant_type=refresh_token\\u0026refresh_token=${refresh}\\u0026client_id=x"`,
      { refresh_token: refresh },
    ],
    [
      'HTML',
      'https://html.spec.whatwg.org/#named-character-references',
      `<pre>${json.replaceAll('"', '&quot;').replaceAll('/', '&#x2F;').replaceAll('=', '&#61;')}</pre>`,
      both,
    ],
    [
      'a form in HTML',
      'https://html.spec.whatwg.org/#named-character-references',
      `<a href="https://app.example/cb#access_token=${access}&amp;refresh_token=${refresh}&amp;expires_in=60">`,
      { access_token: access, refresh_token: refresh, expires_in: 60 },
    ],
    [
      'a query in a query',
      'https://www.rfc-editor.org/rfc/rfc6749#section-4.2.2',
      `https://app.example/?next=${encodeURIComponent(`/cb#access_token=${access}&refresh_token=${special}`)}`,
      both,
    ],
    [
      'percent-encoding in quotes',
      'https://www.rfc-editor.org/rfc/rfc3986#section-2.1',
      JSON.stringify({ refresh_token: encodeURIComponent(special) }),
      { refresh_token: special },
      ['percent_decoded'],
    ],
    [
      'quoted-printable',
      'https://www.rfc-editor.org/rfc/rfc2045#section-6.7',
      `refresh_token=3D${refresh.slice(0, 20)}=\r\n${refresh.slice(20)}\r\n`,
      { refresh_token: refresh },
    ],
    [
      '.env with quotes and a prefix',
      'https://github.com/motdotla/dotenv#readme',
      `export APP_REFRESH_TOKEN="${special}"\nAPP_ACCESS_TOKEN='${access}'\n`,
      both,
    ],
    [
      'systemd',
      'https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html',
      `Environment="REFRESH_TOKEN=${special}" "ACCESS_TOKEN=${access}"`,
      both,
    ],
    ['options of a command', 'https://clig.dev', `app login --access-token ${access} --refresh-token=${special}`, both],
    [
      'set and setx',
      'https://learn.microsoft.com/windows-server/administration/windows-commands/setx',
      `setx REFRESH_TOKEN "${special}"\r\nset ACCESS_TOKEN=${access}\r\n$env:ID_TOKEN = "${id}"`,
      { ...both, id_token: id },
    ],
    ['CSV', 'https://www.rfc-editor.org/rfc/rfc4180', `time,body\n10:00,"${json.replaceAll('"', '""')}"\n`, both],
    [
      'a property list',
      'https://developer.apple.com/library/archive/documentation/General/Reference/InfoPlistKeyReference',
      `<key>access_token</key><string>${access}</string>\n<key>refresh_token</key>\n<string>${special}</string>`,
      both,
    ],
    [
      'a form of a page',
      'https://html.spec.whatwg.org/multipage/input.html',
      `<input type="hidden" name="refresh_token" value="${special}"><input name="access_token" value="${access}">`,
      both,
    ],
    [
      'multipart',
      'https://www.rfc-editor.org/rfc/rfc7578',
      `--x\r\nContent-Disposition: form-data; name="refresh_token"\r\n\r\n${special}\r\n--x\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n${access}\r\n--x--`,
      both,
    ],
    [
      'Rust',
      'https://docs.rs/oauth2',
      `StandardTokenResponse { access_token: AccessToken("${access}"), refresh_token: Some(RefreshToken("${special}")) }`,
      both,
    ],
    [
      'PowerShell, a header and a form',
      'Chrome, Copy as PowerShell',
      `Invoke-WebRequest -Method "POST" -Headers @{\n"authorization"="Bearer ${access}"\n} -Body "grant_type=refresh_token&refresh_token=${encodeURIComponent(special)}"`,
      { ...both, token_type: 'Bearer' },
    ],
    [
      'CDATA',
      'https://www.w3.org/TR/xml/#sec-cdata-sect',
      `<r><access_token><![CDATA[${access}]]></access_token><refresh_token><![CDATA[${special}]]></refresh_token></r>`,
      both,
    ],
    [
      'the environment of a container',
      'https://docs.docker.com/reference/cli/docker/inspect/',
      JSON.stringify({ Config: { Env: [`ACCESS_TOKEN=${access}`, `REFRESH_TOKEN=${special}`, 'PATH=/bin'] } }),
      both,
    ],
    [
      'the environment of a pod',
      'https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/',
      `env:\n- name: REFRESH_TOKEN\n  value: "${special}"\n- name: ACCESS_TOKEN\n  value: ${access}\n`,
      both,
    ],
    [
      'JSON in a cookie',
      'https://www.rfc-editor.org/rfc/rfc6265',
      `Cookie: a=b; auth=${encodeURIComponent(json)}; c=d`,
      both,
    ],
    [
      'languages with types',
      'https://www.typescriptlang.org',
      `const refreshToken: string = '${special}';\nlet accessToken: String? = "${access}"`,
      both,
    ],
    [
      'a URL with a query and a fragment',
      'https://www.rfc-editor.org/rfc/rfc3986',
      `https://app.example/cb?refresh_token=${encodeURIComponent(special)}#access_token=${access}`,
      both,
    ],
    ['a page that shows a page', 'https://html.spec.whatwg.org', json.replaceAll('"', '&amp;quot;'), both],
    [
      'properties over two lines',
      'https://docs.oracle.com/javase/8/docs/api/java/util/Properties.html',
      `refresh_token=${refresh.slice(0, 10)}\\\n    ${refresh.slice(10)}\n`,
      { refresh_token: refresh },
      ['whitespace_removed'],
    ],
    [
      'variables of a REST client',
      'https://marketplace.visualstudio.com/items?itemName=humao.rest-client',
      `@refreshToken = ${special}\n@accessToken = ${access}`,
      both,
    ],
    [
      'a secret in a secrets manager',
      'https://docs.aws.amazon.com/secretsmanager/',
      JSON.stringify({ ARN: 'arn:aws:secretsmanager:x', SecretString: json }),
      both,
    ],
  ],
  'is read as it is printed by': [
    [
      'print_r() of PHP, members that are not public',
      'https://www.php.net/print_r',
      `League\\OAuth2\\Client\\Token\\AccessToken Object\n(\n    [accessToken:protected] => ${access}\n    [refreshToken:App\\Token:private] => ${special}\n)\n`,
      both,
    ],
    [
      'var_dump() of PHP, members that are not public',
      'https://www.php.net/var_dump',
      `object(App\\Token)#5 (2) {\n  ["accessToken":protected]=>\n  string(300) "${access}"\n  ["refreshToken":"App\\Token":private]=>\n  string(27) "${special}"\n}`,
      both,
    ],
    [
      'spew of Go',
      'https://pkg.go.dev/github.com/davecgh/go-spew/spew',
      `(*oauth2.Token)({\n AccessToken: (string) (len=${access.length}) "${access}",\n RefreshToken: (string) (len=35) "${special}",\n})`,
      both,
    ],
    [
      'inspect of Ruby, with the address of the object',
      'https://docs.ruby-lang.org/en/master/Object.html#method-i-inspect',
      `#<OAuth2::AccessToken:0x00007f9b1c0a @token="${access}", @refresh_token="${special}">`,
      both,
    ],
    [
      'a dictionary of .NET',
      'https://learn.microsoft.com/dotnet/api/system.collections.generic.keyvaluepair-2.tostring',
      `[access_token, ${access}]\r\n[refresh_token, ${refresh}]\r\n[scope, a]\r\n`,
      { access_token: access, refresh_token: refresh },
    ],
    [
      'Python, a list of pairs',
      'https://docs.python.org/3/library/urllib.parse.html#urllib.parse.parse_qsl',
      `[('grant', 'x'), ('access_token', '${access}'), ('refresh_token', '${special}')]`,
      both,
    ],
    [
      'a table of PowerShell',
      'https://learn.microsoft.com/powershell/module/microsoft.powershell.utility/format-table',
      `access_token refresh_token\r\n------------ -------------\r\n${access} ${special}\r\n`,
      both,
    ],
    [
      'EDN of Clojure',
      'https://github.com/edn-format/edn#keywords',
      `{:access_token "${access}", :refresh_token "${special}"}`,
      both,
    ],
    [
      'Erlang, binaries in a map',
      'https://www.erlang.org/doc/system/bit_syntax.html',
      `#{<<"access_token">> => <<"${access}">>,<<"refresh_token">> => <<"${special}">>}`,
      both,
    ],
    [
      'R, a list',
      'https://cran.r-project.org/doc/manuals/r-release/R-intro.html#Lists',
      `$access_token\n[1] "${access}"\n\n$refresh_token\n[1] "${special}"\n`,
      both,
    ],
    [
      'Haskell, a record with a newtype inside',
      'https://hackage.haskell.org/package/hoauth2',
      `OAuth2Token {accessToken = AccessToken {atoken = "${access}"}, refreshToken = Just (RefreshToken {rtoken = "${special}"})}`,
      both,
    ],
    [
      'OCaml',
      'https://ocaml.org/manual/5.3/coreexamples.html',
      `{ access_token = "${access}"; refresh_token = Some "${special}" }`,
      both,
    ],
    [
      'a call that stores it',
      'https://developer.mozilla.org/docs/Web/API/Storage/setItem',
      `localStorage.setItem('access_token', '${access}');\nform.append("refresh_token", "${special}");`,
      both,
    ],
    [
      'a keyboard with wide signs',
      'https://unicode.org/charts/PDF/UFF00.pdf',
      `access_token：${access}\nrefresh_token＝${refresh}`,
      { access_token: access, refresh_token: refresh },
    ],
  ],
  'is decoded from base64 in': [
    [
      'a SOAP header',
      'https://docs.oasis-open.org/wss/v1.1/wss-v1.1-spec-os-SOAPMessageSecurity.pdf',
      inSoap(base64(access)),
      { access_token: access },
      ['base64_decoded'],
    ],
    [
      'a SOAP header, in lines',
      'https://www.rfc-editor.org/rfc/rfc2045#section-6.8',
      inSoap(`\n${base64(access).replace(/.{76}/g, '$&\n')}\n`),
      { access_token: access },
      ['base64_decoded'],
    ],
    [
      'a log line, with words on the next',
      'https://www.rfc-editor.org/rfc/rfc4648#section-4',
      `INFO sent ${base64(access)}\nhello\n`,
      { access_token: access },
      ['base64_decoded'],
    ],
    [
      'a Secret of Kubernetes',
      'https://blog.scottlowe.org/2019/07/31/decoding-a-kubernetes-service-account-token/',
      `apiVersion: v1\nkind: Secret\ntype: Opaque\ndata:\n  access_token: ${base64(access)}\n  refresh_token: ${base64(refresh)}\n`,
      { access_token: access, refresh_token: refresh },
    ],
    [
      'a Secret as JSON',
      'https://kubernetes.io/docs/concepts/configuration/secret/',
      JSON.stringify({
        kind: 'Secret',
        data: { ACCESS_TOKEN: base64(access), 'refresh-token': base64('c0a1b2c3-d4e5-46f7') },
      }),
      { access_token: access, refresh_token: 'c0a1b2c3-d4e5-46f7' },
    ],
    [
      'a list of Secrets',
      'https://kubernetes.io/docs/concepts/configuration/secret/',
      JSON.stringify({
        kind: 'List',
        items: [
          { kind: 'ConfigMap', data: { a: 'b' } },
          { kind: 'Secret', data: { token: base64(access), namespace: base64('default') } },
        ],
      }),
      { access_token: access },
    ],
    [
      'stringData',
      'https://kubernetes.io/docs/concepts/configuration/secret/',
      `kind: Secret\nstringData:\n  refresh_token: ${refresh}\n`,
      { refresh_token: refresh },
    ],
    [
      'the data of a Secret alone',
      'https://kubernetes.io/docs/concepts/configuration/secret/',
      `data:\n  refresh_token: ${base64(special)}\n  other: ${base64('some text')}\n`,
      { refresh_token: special },
    ],
    [
      'a Secret with a whole response',
      'https://kubernetes.io/docs/concepts/configuration/secret/',
      `kind: Secret\ndata:\n  tokens.json: ${base64(json)}\n`,
      both,
    ],
    ['a word', 'kubectl get secret -o jsonpath', base64(access), { access_token: access }, ['base64_decoded']],
    ['a word that is a response', 'kubectl get secret -o jsonpath', base64(json), both, ['base64_decoded']],
    [
      'JSON, the other token told by its neighbour',
      'kubectl get secret -o jsonpath={.data}',
      JSON.stringify({ access_token: base64(access), refresh_token: base64('plain-refresh-0123456789') }),
      { access_token: access, refresh_token: 'plain-refresh-0123456789' },
      ['base64_decoded'],
    ],
    [
      'a HAR',
      'http://www.softwareishard.com/blog/har-12-spec/',
      JSON.stringify({ log: { entries: [{ response: { content: { encoding: 'base64', text: base64(json) } } }] } }),
      both,
    ],
    [
      'a cookie of Supabase',
      'https://supabase.com/docs/guides/auth/server-side',
      `sb-abc-auth-token=base64-${Buffer.from(json).toString('base64url')}`,
      both,
    ],
    ['a variable', 'GitHub Actions', `TOKENS_B64=${base64(json)}`, both],
  ],
  'is told by what it says of itself: a refresh token': [
    [
      'with token_type',
      'https://github.com/Parisson/TimeSide/issues/190',
      hmacJwt(key, { ...claims, token_type: 'refresh' }),
      { refresh_token: hmacJwt(key, { ...claims, token_type: 'refresh' }) },
    ],
    [
      'with type',
      'https://flask-jwt-extended.readthedocs.io/en/stable/refreshing_tokens.html',
      hmacJwt(key, { ...claims, type: 'refresh' }),
      { refresh_token: hmacJwt(key, { ...claims, type: 'refresh' }) },
    ],
    [
      'with typ',
      'https://www.keycloak.org/docs/latest/server_admin/',
      hmacJwt(key, { ...claims, typ: 'Offline' }),
      { refresh_token: hmacJwt(key, { ...claims, typ: 'Offline' }) },
    ],
    [
      'with grant_type',
      'https://github.com/jpadilla/django-rest-framework-jwt/issues/245',
      hmacJwt(key, { ...claims, grant_type: 'refresh_token' }),
      { refresh_token: hmacJwt(key, { ...claims, grant_type: 'refresh_token' }) },
    ],
    [
      'with token_use',
      'https://docs.aws.amazon.com/cognito/',
      hmacJwt(key, { ...claims, token_use: 'refresh' }),
      { refresh_token: hmacJwt(key, { ...claims, token_use: 'refresh' }) },
    ],
    [
      'of Spring, with ati',
      'https://docs.spring.io/spring-security-oauth2-boot/',
      hmacJwt(key, { ...claims, ati: 'the-id-of-the-access-token', scope: ['a'] }),
      { refresh_token: hmacJwt(key, { ...claims, ati: 'the-id-of-the-access-token', scope: ['a'] }) },
    ],
    [
      'with typ rt+jwt',
      'by analogy to https://www.rfc-editor.org/rfc/rfc9068#section-2.1',
      hmacJwt(key, claims, { typ: 'rt+jwt' }),
      { refresh_token: hmacJwt(key, claims, { typ: 'rt+jwt' }) },
    ],
    [
      'beside its access token',
      'https://django-rest-framework-simplejwt.readthedocs.io/',
      JSON.stringify({
        refresh: hmacJwt(key, { ...claims, token_type: 'refresh' }),
        access: hmacJwt(key, { ...claims, token_type: 'access' }),
      }),
      {
        refresh_token: hmacJwt(key, { ...claims, token_type: 'refresh' }),
        access_token: hmacJwt(key, { ...claims, token_type: 'access' }),
      },
    ],
  ],
  'is told by how it begins:': [
    ...(
      [
        [
          'xoxe.xoxp-1-Mi0yLTAbCdEf0123456789',
          'access_token',
          'https://docs.slack.dev/authentication/using-token-rotation',
        ],
        [
          'xoxe.xoxb-1-Mi0yLTAbCdEf0123456789',
          'access_token',
          'https://docs.slack.dev/authentication/using-token-rotation',
        ],
        [
          'xoxe-1-Mi0yLTAbCdEf0123456789',
          'refresh_token',
          'https://docs.slack.dev/authentication/using-token-rotation',
        ],
        ['sha256~0123456789abcdefghijklmnop', 'access_token', 'https://docs.openshift.com/'],
        ['Atza|IwEBIAbCdEf0123456789AbCdEf', 'access_token', 'https://developer.amazon.com/docs/login-with-amazon'],
        ['Atzr|IwEBIAbCdEf0123456789AbCdEf', 'refresh_token', 'https://developer.amazon.com/docs/login-with-amazon'],
        ['act.AbCdEf0123456789AbCdEf0123456789!5194.va', 'access_token', 'https://developers.tiktok.com/doc/'],
        ['rft.AbCdEf0123456789AbCdEf0123456789!5195.va', 'refresh_token', 'https://developers.tiktok.com/doc/'],
        ['pina_AbCdEf0123456789AbCdEf0123456789', 'access_token', 'https://developers.pinterest.com/docs/'],
        ['pinr_AbCdEf0123456789AbCdEf0123456789', 'refresh_token', 'https://developers.pinterest.com/docs/'],
        [`sl.u.${'AbCdEf0123456789-_'.repeat(4)}`, 'access_token', 'https://dropboxforum.com/discussions/101000014/'],
        [`shpat_${'0a1b'.repeat(8)}`, 'access_token', 'https://shopify.dev/changelog/'],
        [`EAAGm0PX4ZCpsBA${'Kz3x9Q'.repeat(15)}ZD`, 'access_token', 'https://github.com/gitleaks/gitleaks'],
        ['dckr_pat_AbCdEf0123456789AbCdEf01234', 'access_token', 'https://docs.docker.com/reference/api/hub/'],
        ['ya29.a0AfB_byC-xyz0123', 'access_token', 'https://developers.google.com/identity'],
        ['1//0gAbCdEfGhIjKl-0123456789_AbCd', 'refresh_token', 'https://developers.google.com/identity'],
        ['ghs_16C7e42F292c6912E7710c838347Ae178B4a', 'access_token', 'https://github.blog/'],
        ['ghr_1B4a2e77838347a7E420ce178F2E7c6912E169246c34', 'refresh_token', 'https://github.blog/'],
        ['sk-ant-oat01-AbCdEf0123456789', 'access_token', 'https://github.com/XxxXTeam/codex-proxy/issues/26'],
        ['sk-ant-ort01-GhIjKl0123456789', 'refresh_token', 'https://github.com/XxxXTeam/codex-proxy/issues/26'],
        [
          'ory_at_0123456789abcdef.0123456789',
          'access_token',
          'https://ory.sh/docs/self-hosted/oel/oauth2/token-prefix',
        ],
        [
          'ory_rt_0123456789abcdef.0123456789',
          'refresh_token',
          'https://ory.sh/docs/self-hosted/oel/oauth2/token-prefix',
        ],
        [
          `doo_v1_${'0a1b'.repeat(16)}`,
          'access_token',
          'https://gitlab.com/gitlab-org/security-products/analyzers/secrets/-/merge_requests/178',
        ],
        [
          `dor_v1_${'0a1b'.repeat(16)}`,
          'refresh_token',
          'https://gitlab.com/gitlab-org/security-products/analyzers/secrets/-/merge_requests/178',
        ],
        [
          base64('AbCdEfGhIjKlMnOpQrStUvWxYz01234567890abcdefg:1622160825825:1:1:at:1').replace(/=+$/, ''),
          'access_token',
          'https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/authorization-code',
        ],
        [
          base64('AbCdEfGhIjKlMnOpQrStUvWxYz01234567890abcdefg:1622160825825:1:1:rt:1').replace(/=+$/, ''),
          'refresh_token',
          'https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/authorization-code',
        ],
        [
          'M.C549_BL2.0.U.-CswWVvlXzyb73G3!yQpx!WDxOje*',
          'refresh_token',
          'https://github.com/cubezhao/ai-tools-mng/issues/10',
        ],
        [
          'rt.1.AABcdefGHIjklMNOpqr',
          'refresh_token',
          'files of Codex, as code of several public repositories shows them',
        ],
        ['WPsGJbvpBjqXz6IJIr1UHKyrdVF', 'refresh_token', 'an issuer that marks nothing'],
      ] as const
    ).map(([token, member, source]): Row => [`${token.slice(0, 12)}…`, source, token, { [member]: token }]),
  ],
  'is read from': [
    [
      'token beside refreshToken',
      'https://github.com/jpadilla/django-rest-framework-jwt/issues/245',
      JSON.stringify({ token: access, refreshToken: 'c0a1b2c3-d4e5-46f7-8899-aabbccddeeff', type: 'Bearer', id: 1 }),
      { access_token: access, refresh_token: 'c0a1b2c3-d4e5-46f7-8899-aabbccddeeff' },
    ],
    [
      'token beside refreshToken in code',
      'https://github.com/jpadilla/django-rest-framework-jwt/issues/245',
      `{token: '${access}', refreshToken: 'c0a1b2c3-d4e5-46f7-8899-aabbccddeeff'}`,
      { access_token: access, refresh_token: 'c0a1b2c3-d4e5-46f7-8899-aabbccddeeff' },
    ],
    [
      'fetch, a header and a form',
      'https://developer.chrome.com/docs/devtools/network/reference',
      `fetch("https://login.example/token", { "headers": { "authorization": "Bearer ${access}" }, "body": "grant_type=refresh_token&refresh_token=${refresh}", "method": "POST" });`,
      { access_token: access, token_type: 'Bearer', refresh_token: refresh },
    ],
    [
      'fetch, a header and JSON',
      'https://developer.chrome.com/docs/devtools/network/reference',
      `await fetch("https://login.example/token", ${JSON.stringify({ headers: { authorization: `Bearer ${access}` }, body: JSON.stringify({ grant_type: 'refresh_token', refresh_token: special }) }, null, 2)});`,
      { ...both, token_type: 'Bearer' },
    ],
    [
      'curl, a header and a form',
      'https://curl.se/docs/manpage.html',
      `curl -H 'Authorization: Bearer ${access}' --data-urlencode 'refresh_token=${special}' https://login.example/token`,
      { ...both, token_type: 'Bearer' },
    ],
    [
      'HAR, an answer without a refresh token',
      'http://www.softwareishard.com/blog/har-12-spec/',
      JSON.stringify({
        log: {
          entries: [
            {
              request: {
                headers: [{ name: 'Authorization', value: `Bearer ${id}` }],
                postData: { text: `grant_type=refresh_token&refresh_token=${refresh}` },
              },
              response: { content: { text: JSON.stringify({ access_token: access, token_type: 'Bearer' }) } },
            },
          ],
        },
      }),
      { access_token: access, token_type: 'Bearer', refresh_token: refresh },
    ],
    [
      'a header of an API and of a proxy',
      'https://oauth2-proxy.github.io/oauth2-proxy/',
      `GET / HTTP/1.1\r\nX-Forwarded-Access-Token: ${access}\r\nCookie: a=b\r\n`,
      { access_token: access },
    ],
    [
      'an environment of Postman',
      'https://github.com/companieshouse/forgerock-cloud-config/blob/HEAD/qa-tests/env.postman_environment.json.tpl',
      JSON.stringify(
        {
          name: 'Staging',
          values: [
            { key: 'base_url', value: 'https://api.example', enabled: true },
            { key: 'access_token', value: access, enabled: true },
            { key: 'refresh_token', value: 'an-old-one-0123456789', enabled: false },
            { key: 'my_refresh_token', value: refresh, enabled: true },
          ],
          _postman_variable_scope: 'environment',
        },
        null,
        '\t',
      ),
      { access_token: access, refresh_token: refresh },
    ],
    [
      'a request of Postman',
      'https://schema.postman.com/',
      JSON.stringify({
        auth: {
          type: 'oauth2',
          oauth2: [
            { key: 'accessToken', value: access, type: 'string' },
            { key: 'refreshToken', value: special, type: 'string' },
          ],
        },
      }),
      both,
    ],
    [
      'the storage of a browser',
      'https://playwright.dev/docs/auth',
      JSON.stringify({
        cookies: [{ name: 'sid', value: '1' }],
        origins: [
          {
            origin: 'https://app.example',
            localStorage: [
              { name: 'kc_token', value: access },
              { name: 'kc_refreshToken', value: special },
            ],
          },
        ],
      }),
      both,
    ],
    [
      'the storage of a browser as entries',
      'Object.entries(localStorage)',
      JSON.stringify([
        ['theme', 'dark'],
        ['access_token', access],
        ['refresh_token', special],
      ]),
      both,
    ],
    [
      'a cache of MSAL',
      'https://github.com/AzureAD/microsoft-authentication-library-for-js/issues/6995',
      JSON.stringify({
        AccessToken: {
          a: {
            credential_type: 'AccessToken',
            secret: id,
            client_id: 'client-1',
            target: 'Files.Read',
            expires_on: String(now),
          },
          b: {
            credential_type: 'AccessToken',
            secret: access,
            client_id: 'client-1',
            target: 'User.Read',
            token_type: 'Bearer',
            expires_on: String(now + 3600),
          },
        },
        IdToken: { x: { credential_type: 'IdToken', secret: id } },
        RefreshToken: { r: { credential_type: 'RefreshToken', secret: refresh } },
        AppMetadata: {},
      }),
      {
        access_token: access,
        id_token: id,
        refresh_token: refresh,
        expires_at: (now + 3600) * 1000,
        scope: 'User.Read',
        token_type: 'Bearer',
      },
    ],
    [
      'a cache of MSAL in a browser',
      'https://github.com/AzureAD/microsoft-authentication-library-for-js',
      JSON.stringify(
        Object.fromEntries(
          [
            ['AccessToken', access],
            ['RefreshToken', refresh],
          ].map(([credentialType, secret]) => [
            `u.t-login.example-${credentialType?.toLowerCase()}-client-1--`,
            JSON.stringify({ credentialType, secret, homeAccountId: 'u.t', environment: 'login.example' }),
          ]),
        ),
      ),
      { access_token: access, refresh_token: refresh },
    ],
    [
      'the cache of AWS',
      'https://docs.rs/crate/aws-config/1.8.16/source/src/sso/cache.rs',
      JSON.stringify({
        startUrl: 'https://d-1.awsapps.example/start',
        accessToken: 'aoaAAAAAGZkN9opaqueAccess',
        expiresAt: '2026-11-18T12:00:00Z',
        clientId: 'a',
        clientSecret: 'not-a-token',
        registrationExpiresAt: '2031-01-01T00:00:00Z',
        refreshToken: 'aorAAAAAGZmopaqueRefresh0001',
      }),
      {
        access_token: 'aoaAAAAAGZkN9opaqueAccess',
        refresh_token: 'aorAAAAAGZmopaqueRefresh0001',
        expires_at: Date.UTC(2026, 10, 18, 12),
      },
    ],
    [
      'oidc-client-ts',
      'https://github.com/authts/oidc-client-ts/issues/173',
      JSON.stringify({
        id_token: id,
        access_token: 'opaque-access-0123456789',
        refresh_token: special,
        token_type: 'Bearer',
        scope: 'openid',
        profile: { sub: 'u-1' },
        expires_at: now,
      }),
      {
        id_token: id,
        access_token: 'opaque-access-0123456789',
        refresh_token: special,
        token_type: 'Bearer',
        scope: 'openid',
        expires_at: now * 1000,
      },
    ],
    [
      'okta-auth-js',
      'https://github.com/okta/okta-auth-js',
      JSON.stringify({
        accessToken: { accessToken: access, expiresAt: now, scopes: ['openid'] },
        idToken: { idToken: id },
        refreshToken: { refreshToken: special },
      }),
      { access_token: access, id_token: id, refresh_token: special, expires_at: now * 1000, scope: 'openid' },
    ],
    [
      'google-auth in Python',
      'https://googleapis.dev/python/google-auth/latest/',
      JSON.stringify({
        token: 'ya29.a0AfB_byC-xyz0123',
        refresh_token: special,
        token_uri: 'https://oauth2.googleapis.com/token',
        scopes: ['a', 'b'],
        expiry: '2026-11-18T12:00:00Z',
      }),
      {
        access_token: 'ya29.a0AfB_byC-xyz0123',
        refresh_token: special,
        scope: 'a b',
        expires_at: Date.UTC(2026, 10, 18, 12),
      },
    ],
    [
      'gcloud config config-helper',
      'https://cloud.google.com/sdk/gcloud/reference/config/config-helper',
      `credential:\n  access_token: ya29.a0AfB_byC-xyz0123\n  id_token: ${id}\n  token_expiry: '2026-11-18T12:00:00Z'\n`,
      { access_token: 'ya29.a0AfB_byC-xyz0123', id_token: id, expires_at: Date.UTC(2026, 10, 18, 12) },
    ],
    [
      'an ExecCredential',
      'https://kubernetes.io/docs/reference/config-api/client-authentication.v1/',
      JSON.stringify({
        kind: 'ExecCredential',
        status: { expirationTimestamp: '2026-11-18T12:00:00Z', token: access },
      }),
      { access_token: access, expires_at: Date.UTC(2026, 10, 18, 12) },
    ],
    [
      'a kubeconfig with a token alone',
      'https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/',
      `users:\n- name: a\n  user:\n    token: ${access}\n`,
      { access_token: access },
    ],
    [
      '1Password',
      'https://developer.1password.com/docs/cli/item-json/',
      JSON.stringify({
        title: 'Staging',
        fields: [
          { id: 'notesPlain', type: 'STRING', label: 'notesPlain' },
          { id: 'x1', type: 'CONCEALED', label: 'refresh token', value: special },
          { id: 'x2', type: 'CONCEALED', label: 'access token', value: access },
        ],
      }),
      both,
    ],
    [
      'Bruno',
      'https://docs.usebruno.com',
      `vars {\n  access_token: ${access}\n  refresh_token: ${special}\n}\nvars:secret [\n  client_secret\n]`,
      both,
    ],
    [
      'Insomnia',
      'https://docs.insomnia.rest',
      JSON.stringify({
        _type: 'export',
        resources: [{ _type: 'oauth_2_token', refreshToken: special, accessToken: access }],
      }),
      both,
    ],
    [
      '.netrc',
      'https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html',
      'machine github.example\n  login ada\n  password gho_16C7e42F292c6912E7710c838347Ae178B4a\n',
      { access_token: 'gho_16C7e42F292c6912E7710c838347Ae178B4a' },
    ],
    [
      'the credentials of Git',
      'https://git-scm.com/docs/git-credential-store',
      'https://ada:ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.example\n',
      { access_token: 'ghp_16C7e42F292c6912E7710c838347Ae178B4a' },
    ],
    [
      'hosts.yml of gh',
      'https://cli.github.com/manual/gh_auth_login',
      'github.com:\n    oauth_token: gho_16C7e42F292c6912E7710c838347Ae178B4a\n    user: ada\n',
      { access_token: 'gho_16C7e42F292c6912E7710c838347Ae178B4a' },
    ],
    [
      'two parts of one cache',
      'https://github.com/auth0/auth0-spa-js',
      JSON.stringify({
        '@@auth0spajs@@::c::@@user@@': JSON.stringify({ id_token: id }),
        '@@auth0spajs@@::c::api::openid': JSON.stringify({ body: { access_token: access, refresh_token: special } }),
      }),
      { ...both, id_token: id },
    ],
  ],
};

describe('a token', () => {
  for (const [kind, list] of Object.entries(rows)) {
    describe(kind, () => {
      itReads(list);
    });
  }

  it('is tried in each encoding that an import undoes', () => {
    const texts = Object.values(rows).flatMap(list => list.map(([, , text]) => text));
    const missing = writings.filter(
      ({ sign, and }) => !texts.some(text => sign.test(text) && and?.test(text) !== false),
    );
    assert.deepEqual(missing, []);
  });

  it('is not imported if a tool has masked it, whole or in part', () => {
    const masked = [
      '***',
      '[MASKED]',
      '[REDACTED]',
      '[Filtered]',
      'gho_****',
      'eyJhbGci…',
      'sk-ant-oat01-...',
      '<token>',
      '{{token}}',
      '$' + '{TOKEN}',
      'YOUR_TOKEN',
      'your-refresh-token-goes-here',
      'xxxxxxxxxxxxxxxx',
      'ab12xxxxxxxxxxxxxxxx',
      '••••••••',
      'op://vault/item/token',
      '$' + 'TOKEN',
      'ENC[AES256_GCM,data:abc,iv:def]',
      'arn:aws:secretsmanager:eu-west-1:1:secret:x',
      'process.env.REFRESH_TOKEN',
    ];
    for (const value of masked) {
      for (const text of [
        JSON.stringify({ access_token: value, refresh_token: value }),
        `refresh_token=${value}`,
        `Authorization: Bearer ${value}`,
        value,
      ])
        assert.throws(() => importText(text), { code: 'nothing_to_import' }, text);
    }
  });

  it('is said to be masked where only a mask is there', () => {
    for (const text of [
      '{"refresh_token":"***"}',
      '{\\"access_token\\":\\"[REDACTED]\\"}',
      // https://cli.github.com/manual/gh_auth_status
      'github.com\n  - Active account: true\n  - Token: gho_************************************\n',
      'REFRESH_TOKEN=xxxxxxxxxxxx',
    ])
      assert.throws(() => importText(text), { code: 'nothing_to_import', data: { reason: 'masked' } }, text);
  });

  it('is not decoded from base64 that may be the token itself, nor in a Secret without base64', () => {
    const reason = { code: 'nothing_to_import', data: { reason: 'base64' } };
    assert.throws(() => importText(base64('an-opaque-refresh-token-0123')), reason);
    assert.throws(() => importText('kind: Secret\ndata:\n  refresh_token: not-base64-at-all!\n'), reason);
    const kept = importText(`refresh_token=${base64('an-opaque-refresh-token-0123')}`);
    assert.deepEqual(kept.warnings, [{ code: 'base64_kept', member: 'refresh_token' }]);
  });

  it('is never put together from two people', () => {
    const other = hmacJwt(key, { ...claims, sub: 'somebody-else', nonce: 'n', aud: 'client-1' });
    const { tokens } = importText(
      JSON.stringify([{ access_token: access, refresh_token: special }, { id_token: other }]),
    );
    assert.deepEqual(tokens, both);
  });

  it('of one megabyte of anything is looked for in 100 ms', function () {
    this.timeout(60_000);
    const size = 1_000_000;
    const slow: string[] = [];
    /**
     * The minimum of up to three runs in milliseconds of CPU time, so that a busy machine does not look like a slow parser.
     * A run that took no longer than `enough` is the last.
     */
    const cost = (work: () => unknown, enough = 0) => {
      let least = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < 3 && least > enough; tries++) {
        const before = process.cpuUsage().user;
        try {
          work();
        } catch {}
        least = Math.min(least, (process.cpuUsage().user - before) / 1000);
      }
      return least;
    };
    // Work that takes an idle machine of today 25 ms.
    const unhurried = cost(() => {
      const text = 'a1'.repeat(size / 2);
      let sum = 0;
      for (let round = 0; round < 20; round++) for (let at = 0; at < size; at++) sum += text.charCodeAt(at);
      return sum;
    });
    const limit = Math.max(100, unhurried * 4);
    for (const unit of [
      '\\\\\\"',
      '\\"',
      '\\',
      '<',
      'a',
      'token ',
      '{"',
      '{"a":"{\\"a\\":',
      `{"token":"${'a1'.repeat(40)}"},`,
      `${json}\n`,
      `data:\n  a: ${base64(access)}\n`,
      encode(access),
    ]) {
      const text = unit.repeat(Math.ceil(size / unit.length));
      const taken = cost(() => importText(text), limit);
      if (taken > limit) slow.push(`${unit.slice(0, 30)}: ${Math.round(taken)} ms of ${Math.round(limit)}`);
    }
    assert.deepEqual(slow, []);
  });
});

describe('percent-encoding', () => {
  it('is undone where decodeURIComponent undoes it, at each bound of UTF-8', () => {
    const percent = (...bytes: number[]) => bytes.map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('');
    const leads = [0, 0x25, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef];
    const later = [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];
    const wrong: string[] = [];
    for (const lead of [...leads, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff]) {
      const two = later.map(next => [lead, next]);
      const three = two.flatMap(bytes => [0x7f, 0x80, 0xbf, 0xc0].map(next => [...bytes, next]));
      const four = three.flatMap(bytes => [0x7f, 0x80, 0xbf, 0xc0].map(next => [...bytes, next]));
      for (const bytes of [[lead], ...two, ...three, ...four, [0x41, lead, 0x80, 0x80, 0x80, 0x41]]) {
        const text = percent(...bytes);
        let expected = text;
        try {
          expected = decodeURIComponent(text);
        } catch {
          // Not UTF-8, so it is left as it is.
        }
        if (
          percentDecoded(text) !== expected ||
          percentDecoded(text.toUpperCase()) !== expected.replaceAll(text, text.toUpperCase())
        )
          wrong.push(text);
      }
    }
    assert.deepEqual(wrong, []);
  });
});
