// Judges as the policies of the request loop do, with the certificate in jspolicy-webhook-cert.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');

const file = (name) => readFileSync(`/certificate/${name}`);
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64');

function judge(path, { uid, object }) {
  const data = object?.data ?? {};
  if (path.startsWith('/policy/denies.') && data.verdict === 'deny')
    return { uid, allowed: false, status: { message: `no ${data.number}`, code: 403 } };
  if (path.startsWith('/policy/marks.')) {
    const patch = [{ op: 'add', path: '/data/mark', value: 'marked-by-policy' }];
    return { uid, allowed: true, patchType: 'JSONPatch', patch: encoded(patch) };
  }
  return { uid, allowed: true };
}

const server = createServer({ cert: file('tls.crt'), key: file('tls.key') }, async (asked, answer) => {
  let text = '';
  for await (const part of asked) text += part;
  const { apiVersion, request } = JSON.parse(text);
  const response = judge(asked.url, request);
  answer.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
  answer.end(JSON.stringify({ apiVersion, kind: 'AdmissionReview', response }));
});
server.listen(8443);
process.once('SIGTERM', () => server.close(() => process.exit(0)));
