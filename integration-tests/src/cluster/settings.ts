import { parseArgs } from 'node:util';

export const USAGE = `Usage: npm run test:cluster -- [--scenario NAME]... [--images DIR --tag TAG] [--nats 1|3]

Installs the chart into the cluster of KUBECONFIG, runs scenarios while requests run whose verdicts are known, and cleans up.
The namespaces jspolicy-test and jspolicy-test-loop are made, and removed at the end.

  --scenario   one or more of: install scale restart kill all-gone drain node-loss certificate nats-certificates
               changes uninstall upgrade, which is the last;
               without it all
  --images     archives that npm run images made, with --tag; without it they are built
  --nats       servers of NATS, 3 unless given
  --keep       leave everything as it is at the end

JSPOLICY_LOAD_IMAGE   a command that brings an archive into the cluster; the path is its last argument. Without it the images
                      are taken to be there
JSPOLICY_LOSE_NODE    a command that cuts the power of a node, whose name is its last argument; and
JSPOLICY_RETURN_NODE  one that brings it back. Without them the scenario node-loss is not run
JSPOLICY_HELM, JSPOLICY_KUBECTL   other programs than helm and kubectl of PATH

Exit code: 0 when all went well, 1 when something did not, 2 for a wrong call.`;

export interface Settings {
  scenarios: string[];
  images: string | undefined;
  tag: string | undefined;
  natsReplicas: number;
  keep: boolean;
  loadImage: string | undefined;
  /** Commands that take a node away and bring it back. */
  nodePower: { lose: string; back: string } | undefined;
  kubeconfig: string;
}

/** Throws Error for what cannot be. */
export function readSettings(argv: string[], env: NodeJS.ProcessEnv, known: readonly string[]): Settings {
  const { values } = parseArgs({
    args: argv,
    options: {
      scenario: { type: 'string', multiple: true, default: [...known] },
      images: { type: 'string' },
      tag: { type: 'string' },
      nats: { type: 'string', default: '3' },
      keep: { type: 'boolean', default: false },
    },
  });
  const unknown = values.scenario.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(', ')}; there are ${known.join(', ')}`);
  if (values.scenario.slice(0, -1).includes('upgrade'))
    throw new Error(
      'upgrade must be the last scenario: its policies let pass what nobody judges, and its violations are its own',
    );
  if (!['1', '3'].includes(values.nats)) throw new Error(`--nats is ${values.nats}: give 1 or 3`);
  if (Boolean(values.images) !== Boolean(values.tag)) throw new Error('--images and --tag belong together');
  const { KUBECONFIG: kubeconfig, JSPOLICY_LOSE_NODE: lose, JSPOLICY_RETURN_NODE: back } = env;
  if (Boolean(lose) !== Boolean(back)) throw new Error('JSPOLICY_LOSE_NODE and JSPOLICY_RETURN_NODE belong together');
  if (!kubeconfig) throw new Error('KUBECONFIG must name the cluster');
  return {
    scenarios: values.scenario,
    images: values.images,
    tag: values.tag,
    natsReplicas: Number(values.nats),
    keep: values.keep,
    loadImage: env['JSPOLICY_LOAD_IMAGE'] || undefined,
    nodePower: lose && back ? { lose, back } : undefined,
    kubeconfig,
  };
}
