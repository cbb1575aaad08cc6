import { beforeAll, expect, test } from 'vitest';
import { failure, findHelm, renderChart } from './helm.ts';

// Where it has to be built the first test would wait too long.
beforeAll(findHelm);

const POLICY = '{"operations":["CREATE"],"resources":["pods"]}';

/** Values, and what helm says of them: what to write, or what may not stand there. */
const REFUSED: readonly (readonly [set: string, words: string])[] = [
  // By the schema.
  ['gateway={"replica":2}', "at '/gateway': additional properties 'replica' not allowed"],
  ['gatway={}', "additional properties 'gatway' not allowed"],
  ['replicaCount="two"', "at '/replicaCount': got string, want integer"],
  ['replicaCount=-1', "at '/replicaCount': minimum: got -1, want 1"],
  ['evaluator.replicas=0', "at '/evaluator/replicas': minimum: got 0, want 1"],
  [
    'evaluator.grants.read=[{"apiGroups":[],"resources":["pods"]}]',
    "at '/evaluator/grants/read/0/apiGroups': minItems: got 0, want 1",
  ],
  [
    'controller.follows=[{"apiGroups":[""],"resources":[]}]',
    "at '/controller/follows/0/resources': minItems: got 0, want 1",
  ],
  [
    'policyReports.follows=[{"apiGroups":[],"resources":["pods"]}]',
    "at '/policyReports/follows/0/apiGroups': minItems: got 0, want 1",
  ],
  [
    'policies={"a.b.c":{"type":"Mutate","operations":["CREATE"],"resources":["pods"]}}',
    "at '/policies/a.b.c/type': value must be one of '', 'Validating', 'Mutating', 'Controller'",
  ],
  [
    'policies={"a.b.c":{"operatons":["CREATE"],"resources":["pods"]}}',
    "at '/policies/a.b.c': additional properties 'operatons' not allowed",
  ],
  ['sinks={"a":{"type":"stdout","form":"All"}}', "at '/sinks/a': additional properties 'form' not allowed"],
  ['nats={"replicas":2}', "at '/nats/replicas': value must be one of 1, 3, 5"],
  ['service={"type":"Cluster"}', "at '/service/type': value must be one of 'ClusterIP', 'NodePort', 'LoadBalancer'"],
  ['service.targetPort=70000', "at '/service/targetPort': maximum: got 70,000, want 65,535"],
  ['logLevel="INFO"', "at '/logLevel': value must be one of 'trace', 'debug', 'info'"],
  ['image={"pullPolicy":"Sometimes"}', "value must be one of 'Always', 'IfNotPresent', 'Never'"],
  ['nats.renewCertificates="now"', "value must be one of '', 'prepare', 'finish'"],
  [
    'evaluator={"grants":{"read":[{"apiGroups":[""],"resources":["pods"],"verbs":["list"]}]}}',
    "at '/evaluator/grants/read/0': additional properties 'verbs' not allowed",
  ],
  ['policyReports={"maxEvents":-1}', "at '/policyReports/maxEvents': minimum: got -1, want 1"],
  ['evaluator.sandboxProcesses=300', "at '/evaluator/sandboxProcesses': maximum: got 300, want 256"],
  ['evaluator.sandboxMemoryMiB=8', "at '/evaluator/sandboxMemoryMiB': minimum: got 8, want 16"],
  ['sinks={"security":{}}', "at '/sinks/security': missing property 'type'"],
  ['webhook={"exemptNamespaces":"kube-system"}', "at '/webhook/exemptNamespaces': got string, want array"],
  ['jspolicy.podLabels={"tier":1}', "at '/jspolicy/podLabels/tier': got number, want string"],
  ['gateway.podAnnotations={"scrape":true}', "at '/gateway/podAnnotations/scrape': got boolean, want string"],
  ['policies={"a.example.com":{"operations":"CREATE","resources":["pods"]}}', 'got string, want array'],
  ['gateway.env=[{"value":"x"}]', "at '/gateway/env/0': missing property 'name'"],
  ['networkPolicy.dnsPorts=[]', "at '/networkPolicy/dnsPorts': minItems: got 0, want 1"],
  ['nats.maxMemory=256', "at '/nats/maxMemory': got number, want string"],

  // Nothing.
  ['gateway=null', 'gateway is null: leave it out, or write what it should be'],
  ['evaluator.spool=null', 'evaluator.spool is null: leave it out'],
  ['crds.keep=null', 'crds.keep is null: leave it out'],
  ['nats.storage.size=null', 'nats.storage.size is null: leave it out'],
  ['nats.replicas=null', 'nats.replicas is null: leave it out'],
  ['webhook.create=null', 'webhook.create is null: leave it out'],
  ['gateway={"maxInFlight":null}', 'gateway.maxInFlight is null: leave it out'],
  ['logLevel=null', 'logLevel is null: leave it out'],

  // Texts.
  ['nameOverride="1st"', 'nameOverride is "1st": write small letters, digits and dashes, a letter first'],
  ['fullnameOverride="My_Name"', 'fullnameOverride is "My_Name": write small letters'],
  ['evaluator.grants.filesDir="lists"', 'evaluator.grants.filesDir is "lists": write an absolute path, such as /lists'],
  ['evaluator.spool.sizeLimit="1.5GB"', 'evaluator.spool.sizeLimit is "1.5GB": write a size, such as 512Mi or 4Gi'],
  ['compiler.workDir.sizeLimit="much"', 'compiler.workDir.sizeLimit is "much": write a size'],
  ['nats.storage.size="900Ki"', 'nats.storage.size is "900Ki": write a size, such as 512Mi or 4Gi'],
  ['nats.maxMemory="1GB"', 'nats.maxMemory is "1GB": write a size'],
  [
    'audit.sinkRefusedAddresses=["intern"]',
    'audit.sinkRefusedAddresses is "intern": write link-local, loopback, private',
  ],
  ['networkPolicy.apiServers=["master"]', 'networkPolicy.apiServers is "master": write a CIDR, such as 10.0.0.1/32'],
  ['webhook.exemptNamespaces=["Team_A"]', 'webhook.exemptNamespaces is "Team_A": write the name of a namespace'],
  [`policies={"no-dots":${POLICY}}`, 'a name in policies is "no-dots": write at least three parts with dots between'],
  ['sinks={"Security_1":{"type":"stdout"}}', 'a name in sinks is "Security_1": write small letters'],
  [
    'podDisruptionBudget.maxUnavailable="half"',
    'podDisruptionBudget.maxUnavailable is "half": write a number, such as 1',
  ],
  ['nats={"enabled":false}', 'nats.url is "": write the address of NATS, such as nats://nats.example:4222'],
  ['nats={"enabled":false,"url":"http://nats:4222"}', 'nats.url is "http://nats:4222": write the address of NATS'],
  [
    'nats={"enabled":false,"url":"nats://a:secret@b.example"}',
    'nats.url is "nats://(credentials)@b.example": write the',
  ],
  ['serviceMonitor.interval="often"', 'serviceMonitor.interval is "often": write a duration, such as 30s or 1m'],
  ['evaluator.autoscaling.prometheusUrl="prometheus:9090"', 'write an address, such as http://prometheus'],

  [
    'audit.sinkRefusedAddresses=["10.0.0.0/99"]',
    'audit.sinkRefusedAddresses is "10.0.0.0/99": write link-local, loopback, private',
  ],
  ['networkPolicy.apiServers=["10.0.0.1/33"]', 'networkPolicy.apiServers is "10.0.0.1/33": write a CIDR'],
  ['networkPolicy.apiServers=["fd00::1"]', 'networkPolicy.apiServers is "fd00::1": write a CIDR'],
  [
    'evaluator.grants.fetchHosts=["http://foo"]',
    'evaluator.grants.fetchHosts is "http://foo": write a host, such as api.example.com',
  ],
  [
    'policies={"a.b.c":{"operations":["CREATE"],"resources":["pods"],"violationPolicy":"Block"}}',
    'policies.a.b.c.violationPolicy is "Block": write Deny, Warn or Dry',
  ],
  ['podMonitor={"enabled":true,"interval":"abc"}', 'podMonitor.interval is "abc": write a duration'],

  // Names and images.
  [
    'nats={"enabled":false,"url":"nats://a","existingSecret":"Bad_Name"}',
    'nats.existingSecret is "Bad_Name": write small letters, digits, dashes and dots',
  ],
  ['audit.sinkSecrets=["Bad_Secret"]', 'a name in audit.sinkSecrets is "Bad_Secret": write small letters'],
  ['imagePullSecrets=[{"name":"Bad_Secret"}]', 'a name in imagePullSecrets is "Bad_Secret": write small letters'],
  ['gateway.priorityClassName="Very High"', 'gateway.priorityClassName is "Very High": write small letters'],
  ['image.tag="bad tag"', 'image.tag is "bad tag": write a tag, such as 0.1.0'],
  ['image.repository="registry.example/Team/jspolicy"', 'write a name in small letters without its tag'],
  ['image.repository=""', 'image.repository is "": write a name in small letters'],
  ['compiler.image={"repository":"compiler:1"}', 'compiler.image.repository is "compiler:1": write a name in small'],
  ['nats.image.tag=""', 'nats.image.tag is "": write a tag, such as 2.15-alpine'],
  ['image="foo"', 'image is "foo": write a name with its tag, such as registry.example/jspolicy:0.1.0'],

  // Without use, or against each other.
  [
    'nats.url="nats://mine:4222"',
    'nats.url is not used, since the chart has servers of its own: write nats.enabled: false too, or leave it out',
  ],
  ['nats.existingSecret="mine"', 'nats.existingSecret is not used, since the chart has servers of its own'],
  [
    'podDisruptionBudget={"maxUnavailable":1,"minAvailable":1}',
    'podDisruptionBudget.maxUnavailable and minAvailable are both set: write one of them',
  ],
  ['podDisruptionBudget={"maxUnavailable":"0%"}', 'podDisruptionBudget.maxUnavailable is 0%: write 1 at least'],
  [
    'serviceMonitor={"enabled":true,"interval":"1m","scrapeTimeout":"1m30s"}',
    'serviceMonitor.scrapeTimeout is 1m30s: write at most interval, 1m',
  ],

  // Quantities.
  [
    'evaluator.resources.limits.memory="1.5GB"',
    'evaluator.resources.limits.memory is "1.5GB": write a quantity, such as 512Mi or 1Gi',
  ],
  ['gateway.resources.requests.cpu="half"', 'gateway.resources.requests.cpu is "half": write a quantity, such as 500m'],
  ['jspolicy.resources={"limits":{"memory":"1 Gi"}}', 'jspolicy.resources.limits.memory is "1 Gi": write a quantity'],

  // Labels.
  [
    'jspolicy.extraLabels={"app.kubernetes.io/name":"mine"}',
    "jspolicy.extraLabels has app.kubernetes.io/name, which is the chart's own: take another name",
  ],
  ['jspolicy.podLabels={"app.kubernetes.io/component":"x"}', 'jspolicy.podLabels has app.kubernetes.io/component'],
  ['nats.podLabels={"app.kubernetes.io/instance":"x"}', 'nats.podLabels has app.kubernetes.io/instance'],
  ['dashboard.labels={"helm.sh/chart":"x"}', 'dashboard.labels has helm.sh/chart'],
  ['jspolicy.extraLabels={"team":"a b"}', 'jspolicy.extraLabels.team is "a b": write letters, digits, dashes'],
  ['gateway.podLabels={"my team":"a"}', 'a name in gateway.podLabels is "my team": write a label\'s name'],

  // Ports.
  [
    'service.targetPort=9080',
    'service.targetPort is 9080, where health and metrics are: write another one, such as 8443',
  ],
  ['service.port=8080', "service.port is 8080, the Service's port of metrics: write another one, such as 443"],

  ['jspolicy.extraVolumes=[{"name":"tmp","emptyDir":{}}]', "jspolicy.extraVolumes has tmp, which is the chart's own"],
  ['jspolicy.extraVolumeMounts=[{"name":"lists"}]', "at '/jspolicy/extraVolumeMounts/0': missing property 'mountPath'"],

  // What processes take to end.
  [
    'gateway.shutdownDelayMs=60000',
    'gateway.terminationGracePeriodSeconds is 45: write 95 at least: 60 s of gateway.shutdownDelayMs, 30 s for what is in flight',
  ],
  ['gateway.shutdownDelayMs=10500', 'gateway.terminationGracePeriodSeconds is 45: write 46 at least'],
  ['evaluator.terminationGracePeriodSeconds=30', 'evaluator.terminationGracePeriodSeconds is 30: write 55 at least'],
  ['evaluator.spool.drainSeconds=60', 'evaluator.terminationGracePeriodSeconds is 60: write 95 at least'],
  ['compiler.bundleTimeoutSeconds=60', 'compiler.terminationGracePeriodSeconds is 120: write 190 at least'],
  ['controller.terminationGracePeriodSeconds=1', 'controller.terminationGracePeriodSeconds is 1: write 10 at least'],
  ['audit.terminationGracePeriodSeconds=5', 'audit.terminationGracePeriodSeconds is 5: write 15 at least'],
  ['nats.terminationGracePeriodSeconds=30', 'nats.terminationGracePeriodSeconds is 30: write 40 at least'],

  // Sizes and numbers that do not fit each other.
  ['evaluator.spool.maxMiB=200', 'evaluator.spool.sizeLimit is 256Mi: write 400Mi at least'],
  ['evaluator.spool.sizeLimit="100Mi"', 'evaluator.spool.sizeLimit is 100Mi: write 256Mi at least'],
  ['evaluator.sandboxProcesses=16', 'evaluator.resources.limits.memory is 1Gi: write more than 2048Mi'],
  ['nats.maxMemory="1Gi"', 'nats.maxMemory is 1Gi: write less than nats.resources.limits.memory, 1Gi'],
  ['nats.storage.size="1Gi"', 'nats.storage.size is 1Gi: write 2Gi at least'],
  [
    'gateway.autoscaling={"enabled":true,"minReplicas":9}',
    'gateway.autoscaling.minReplicas is 9: write at most maxReplicas, 8',
  ],
  ['evaluator.autoscaling={"enabled":true,"minReplicas":17}', 'write at most maxReplicas, 16'],
];

const named = 'the chart, given wrong values';
test.each(REFUSED)(`${named}, says what to write: %s`, async (set, words) => {
  const said = await failure({ set: [set] });
  expect(said).toContain(words);
  // No regular expression, and nothing that a template tripped over.
  expect(said).not.toMatch(/does not match pattern|nil pointer|error calling/);
});

test(`${named}, refuses to count twice`, async () => {
  const said = await failure({ set: ['serviceMonitor={"enabled":true}', 'podMonitor={"enabled":true}'] });
  expect(said).toContain('serviceMonitor.enabled and podMonitor.enabled are both true');
});

test(`${named}, tells all that is wrong at once`, async () => {
  const said = await failure({ set: ['nameOverride="1st"', 'service.port=8080', 'nats.storage.size="1Gi"'] });
  expect(said).toContain('values that cannot be:\n  nameOverride is "1st"');
  expect(said).toContain('\n  service.port is 8080');
  expect(said).toContain('\n  nats.storage.size is 1Gi');
});

/** What is close to the wrong, and right. */
test.each([
  'nats={"enabled":false,"url":"tls://a.example:4222, b.example,nats://[fd00::1]:4222"}',
  'evaluator.spool={"sizeLimit":"1Gi","maxMiB":512,"drainSeconds":0}',
  'evaluator={"terminationGracePeriodSeconds":35,"spool":{"drainSeconds":0}}',
  'gateway.resources={"limits":{"cpu":1.5,"memory":"1.5G","example.com/device":2}}',
  'evaluator={"sandboxProcesses":8,"resources":{"limits":{"memory":"1073741824"}}}',
  'compiler={"bundleTimeoutSeconds":600,"terminationGracePeriodSeconds":600}',
  'nats={"replicas":1,"terminationGracePeriodSeconds":10}',
  'service={"port":9080,"targetPort":443}',
  'jspolicy.extraLabels={"example.com/team":"","tier":"true"}',
  `policies={"a.b.c":${POLICY}}`,
  'podDisruptionBudget={"minAvailable":"50%"}',
  'gateway.shutdownDelayMs=10000',
  'serviceMonitor={"enabled":true,"interval":"1m30s"}',
  'audit.sinkRefusedAddresses=["private","10.1.2.3","::1","fd00:ec2::254/128","::ffff:10.0.0.0/104"]',
  'networkPolicy.apiServers=["0.0.0.0/0","fd00::/8"]',
  'evaluator.grants.fetchHosts=["*","*.example.com:443","api.example.com","[fd00::1]:80","10.0.0.1"]',
  'image="localhost:5000/team/jspolicy:v1.0_a-b"',
  `image="jspolicy@sha256:${'0'.repeat(64)}"`,
  `image={"repository":"Registry.example:5000/a__b/c-d","tag":"1@sha256:${'a'.repeat(64)}"}`,
  'serviceMonitor={"enabled":true,"interval":"1m","scrapeTimeout":"60s"}',
  'podDisruptionBudget={"minAvailable":"","maxUnavailable":"2"}',
  'policies={"a.b.c":{"type":"","operations":["*"],"resources":["pods"],"violationPolicy":"dry","dependencies":{"a":"1"}}}',
  'gateway.resources=null',
  'gateway={"env":null,"podAnnotations":null,"podLabels":null}',
  'nats={"podAnnotations":null,"podLabels":null}',
  'audit.env=null',
  'jspolicy={"command":null,"args":null,"extraLabels":null}',
  'compiler.npmrc=null',
  'nameOverride=null',
  'serviceMonitor={"enabled":true,"interval":"","scrapeTimeout":""}',
])('the chart takes values that are right: %s', async (set) => {
  expect((await renderChart({ set: [set] })).length).toBeGreaterThan(0);
});
