import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import type { UninstallOptions } from '../uninstall/uninstall.ts';

const EXAMPLES = `
Examples:
  jspolicy uninstall --namespace jspolicy
  jspolicy uninstall --namespace jspolicy --controller jspolicy-controller --selector app.kubernetes.io/component=controller

Removes what lets the API server ask the engine of a namespace, so that nothing waits for an engine that is gone. A
controller that runs would put it back: --controller removes its Deployment first. Policies stay, unless --crds is given.
The cluster is that of KUBECONFIG, or of the Pod that this runs in.

Exit codes: 0 removed, 2 not.`;

export function uninstallCommand(program: Command, terminal: Terminal): void {
  program
    .command('uninstall')
    .description('remove the webhook configurations of an engine in a cluster')
    .requiredOption('-n, --namespace <name>', 'namespace of the engine')
    .option('--controller <name>', "the controller's Deployment, removed first")
    .option('--selector <labels>', 'labels of its Pods, which are waited for')
    .option('--crds', "remove the engine's kinds as well, and with them every policy")
    .addHelpText('after', EXAMPLES)
    .action(async (options: UninstallOptions) => {
      const { uninstall } = await import('../uninstall/uninstall.ts');
      await uninstall(options, terminal);
    });
}
