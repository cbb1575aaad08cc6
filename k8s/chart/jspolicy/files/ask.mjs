// Asks the webhook as the API server does: a policy without operations is refused, and who knows no such policy says so.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';

const ca = readFileSync(process.env.CA_FILE);

function ask(path, object) {
  const body = JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '6f0e0a6c-0000-4000-8000-000000000001',
      kind: { group: 'policy.jspolicy.com', version: 'v1beta1', kind: 'JsPolicy' },
      resource: { group: 'policy.jspolicy.com', version: 'v1beta1', resource: 'jspolicies' },
      operation: 'CREATE',
      name: object.metadata.name,
      userInfo: { username: 'helm-test' },
      object,
      oldObject: null,
    },
  });
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', ca, headers: { 'content-type': 'application/json' } };
    const sent = request(process.env.WEBHOOK + path, options, (answer) =>
      text(answer).then((got) => resolve({ status: answer.statusCode, text: got }), reject),
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

const policy = {
  apiVersion: 'policy.jspolicy.com/v1beta1',
  kind: 'JsPolicy',
  metadata: { name: 'no-operations.helm-test.example' },
  spec: { resources: ['pods'] },
};

const judged = await ask('/crds?timeout=10s', policy);
const allowed = judged.status === 200 ? JSON.parse(judged.text).response.allowed : undefined;
console.log(`gateway: HTTP ${judged.status}, allowed ${allowed}`);
if (allowed !== false) throw new Error(`the gateway did not refuse a policy without operations: ${judged.text}`);

const unknown = await ask('/policy/no-operations.helm-test.example?timeout=10s', policy);
console.log(`evaluator: HTTP ${unknown.status} ${unknown.text.trim()}`);
if (unknown.status !== 404) throw new Error('an evaluator should say that it knows no such policy');
