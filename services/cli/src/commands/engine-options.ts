import type { Command } from 'commander';

/** Which engine a command is about: for findEngine. */
export const withEngineOptions = (command: Command, kubeconfig = 'kubeconfig of a `jspolicy up` that runs'): Command =>
  command
    .option('--nats <url>', 'NATS of the engine; NATS_USER, NATS_CREDS_FILE and others say who you are there')
    .option('--data <dir>', 'data directory of a `jspolicy up` that runs')
    .option(
      '--manifests <dir>',
      'folder of a `jspolicy up` that runs, to find its data (default: as in `up`, or the only one that runs)',
    )
    .option('--kubeconfig <file>', kubeconfig);

export const ENGINE_HELP = `
Without --nats it is the \`jspolicy up\` that runs on this machine, on --manifests, --kubeconfig or --data. Without any of
them it is that on k8s/samples, or the only one that runs, if its --data is the default.`;
