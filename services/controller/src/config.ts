import { hostname } from 'node:os';
import { busProblems, busSettings } from '@jspolicy/bus';
import {
  checkedText,
  clusterProblems,
  clusterSettings,
  commonSettings,
  file,
  flag,
  integer,
  list,
  loadConfig,
  optionalText,
  text,
  type Values,
} from '@jspolicy/runtime';

export const settings = {
  ...commonSettings,
  ...busSettings,
  identity: text({
    env: 'IDENTITY',
    default: `${hostname()}-${process.pid}`,
    describe: 'name of this replica in the Lease',
  }),
  namespace: text({ env: 'KUBE_NAMESPACE', default: 'jspolicy', describe: 'namespace of the engine itself' }),
  ...clusterSettings,
  webhookUrl: checkedText(
    {
      env: 'WEBHOOK_URL',
      alias: 'JS_POLICY_WEBHOOK_URL',
      default: '',
      describe: 'where the API server reaches the gateway; absent: the Service',
    },
    problemOfUrl,
  ),
  webhookCaFile: file({
    env: 'WEBHOOK_CA_FILE',
    default: '',
    describe:
      'PEM of the authority that signed a serving certificate which somebody else keeps; read anew when it changes',
  }),
  serviceName: text({
    env: 'SERVICE_NAME',
    alias: 'JS_POLICY_SERVICE_NAME',
    default: 'jspolicy',
    describe: 'Service by which the API server reaches the gateway where no URL is given',
  }),
  exemptNamespaces: list({
    env: 'EXEMPT_NAMESPACES',
    default: [],
    describe: 'namespaces beside the own one whose objects no webhook of a policy is asked about, separated by commas',
  }),
  injectCaFrom: optionalText({
    env: 'WEBHOOK_INJECT_CA_FROM',
    describe: 'namespace/name of a Certificate whose authority cert-manager writes into the webhook configurations',
  }),
  keepCertificate: flag({
    env: 'KEEP_CERTIFICATE',
    default: true,
    describe: 'keep the serving certificate in the Secret jspolicy-webhook-cert, unless its authority is given',
  }),
  certificateSeconds: integer({
    env: 'CERTIFICATE_SECONDS',
    min: 5,
    // Ten years.
    max: 315_360_000,
    default: 90 * 86_400,
    describe: 'life of a serving certificate; a new one is made when two thirds of it are over',
  }),
  certificateSettleSeconds: integer({
    env: 'CERTIFICATE_SETTLE_SECONDS',
    min: 1,
    max: 3_600,
    default: 30,
    describe: 'how long API servers are given to heed a new authority before the certificate that it signed serves',
  }),
  updateWebhook: flag({
    env: 'UPDATE_WEBHOOK',
    default: true,
    describe: 'keep the webhook configurations jspolicy, by which the API server asks about the three kinds',
  }),
  compileTimeoutSeconds: integer({
    env: 'COMPILE_TIMEOUT',
    min: 1,
    max: 600,
    // More than a compiler takes by its own limits: 30 s (BUNDLE_TIMEOUT) to bundle, and 60 s for npm.
    default: 100,
    describe: 'seconds that a compiler is given for one policy',
  }),
  unusedBundleSeconds: integer({
    env: 'UNUSED_BUNDLE_SECONDS',
    min: 1,
    max: 86_400,
    default: 300,
    describe: 'seconds that a bundle stays which no policy uses any more: evaluators may still fetch it',
  }),
  resyncSeconds: integer({
    env: 'RESYNC_SECONDS',
    min: 1,
    // The longest that a timer of Node waits.
    max: 2_147_483,
    default: 6 * 3600,
    describe: 'seconds after which Controller policies are evaluated for every object again',
  }),
  installCrds: flag({ env: 'INSTALL_CRDS', default: false, describe: 'create or update the three kinds at start' }),
  crdsDir: optionalText({ env: 'CRDS_DIR', describe: 'directory of the CustomResourceDefinitions' }),
};

export type ControllerConfig = ReturnType<typeof readConfig>;

export const readConfig = (env: NodeJS.ProcessEnv) =>
  loadConfig(settings, env, busProblems, clusterProblems, ownProblems);

function ownProblems(values: Partial<Values<typeof settings>>): string[] {
  const { installCrds, crdsDir, webhookCaFile, injectCaFrom, exemptNamespaces = [] } = values;
  const { certificateSeconds = Number.POSITIVE_INFINITY, certificateSettleSeconds = 0 } = values;
  // What is left of a life when a rotation begins is a third.
  const isTooLong = certificateSettleSeconds * 4 > certificateSeconds;
  const isName = !injectCaFrom || /^[^/]+\/[^/]+$/.test(injectCaFrom);
  const noNames = exemptNamespaces.filter((name) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name));
  return [
    ...noNames.map((name) => `EXEMPT_NAMESPACES: ${JSON.stringify(name)} is no name of a namespace`),
    ...(webhookCaFile && injectCaFrom ? ['WEBHOOK_CA_FILE and WEBHOOK_INJECT_CA_FROM exclude each other'] : []),
    ...(isTooLong ? ['CERTIFICATE_SETTLE_SECONDS must be a quarter of CERTIFICATE_SECONDS at most'] : []),
    ...(isName ? [] : [`WEBHOOK_INJECT_CA_FROM must be namespace/name, not ${JSON.stringify(injectCaFrom)}`]),
    ...(installCrds && !crdsDir ? ['CRDS_DIR is required with INSTALL_CRDS'] : []),
  ];
}

/** What the API server refuses in a webhook configuration too. The value may hold a password: it is not repeated. */
function problemOfUrl(value: string): string | undefined {
  const url = URL.parse(value);
  if (!url?.hostname) return 'is no URL as https://host:port';
  if (url.username || url.password) return 'must not hold credentials: the API server takes none';
  return url.search || url.hash ? 'must end with its path, without ? and #' : undefined;
}
