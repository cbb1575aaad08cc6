import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import type { UninstallOptions } from '../uninstall/uninstall.ts';

const EXAMPLES = `
Examples:
  jspolicy uninstall --namespace jspolicy
  jspolicy uninstall --namespace jspolicy --controller jspolicy-controller --selector app.kubernetes.io/component=controller
  jspolicy uninstall --kubeconfig ~/.kube/config --webhook-url https://127.0.0.1:8443     what a killed \`jspolicy up\` left

Removes what lets the API server ask the engine of a namespace, or one that is called by a URL, so that nothing waits for an engine that is gone. A
controller that runs would put it back: --controller removes its Deployment first. Policies stay, unless --crds is given.
The cluster is that of --kubeconfig, of the Pod that this runs in, or of KUBECONFIG.

Exit codes: 0 removed, also when there was nothing, 2 not.`;

export function uninstallCommand(program: Command, terminal: Terminal): void {
  program
    .command('uninstall')
    .description('remove the webhook configurations of an engine in a cluster')
    .option('-n, --namespace <name>', 'namespace of the engine')
    .option(
      '--webhook-url <url>',
      'the engine is called by this URL, as that of `jspolicy up`; in place of --namespace',
    )
    .option('--kubeconfig <file>', 'the API server (default: see below)')
    .option('--controller <name>', "the controller's Deployment, removed first")
    .option('--selector <labels>', 'labels of its Pods, which are waited for')
    .option('--crds', "remove the engine's kinds as well, and with them every policy")
    .addHelpText('after', EXAMPLES)
    .action(async (options: UninstallOptions) => {
      const { uninstall } = await import('../uninstall/uninstall.ts');
      await uninstall(options, terminal);
    });
}
