/** What is in an image, and how it starts. */
export interface ImageDefinition {
  name: string;
  title: string;
  /** Workspaces whose code and production dependencies go in. */
  services: readonly string[];
  /** npm itself: only what installs policies' dependencies has it. */
  npm: boolean;
  /** What is started, below /usr/local/bin. */
  program: string;
  /** Arguments of it when nobody gives others. */
  args: readonly string[];
}

export const IMAGES: readonly ImageDefinition[] = [
  {
    name: 'jspolicy',
    title: 'jsPolicy: gateway, evaluator, controller, audit and the command line',
    services: ['gateway', 'evaluator', 'controller', 'audit', 'cli'],
    npm: false,
    program: 'node',
    args: ['services/cli/bin/jspolicy.js', '--help'],
  },
  {
    name: 'jspolicy-compiler',
    title: 'jsPolicy: compiler',
    services: ['compiler'],
    npm: true,
    program: 'node',
    args: ['services/compiler/dist/main.js'],
  },
];

export const NATS = {
  name: 'jspolicy-nats',
  title: 'nats-server for jsPolicy',
  program: 'nats-server',
  args: ['--help'],
};

/** Architectures as images name them, and as Node's packages and Debian's do. */
export const ARCHITECTURES = {
  amd64: { node: 'x64', debian: 'amd64' },
  arm64: { node: 'arm64', debian: 'arm64' },
} as const;

export type Architecture = keyof typeof ARCHITECTURES;

export const isArchitecture = (name: string): name is Architecture => Object.hasOwn(ARCHITECTURES, name);

/** The user of the images; the number that distroless images use, so that volumes of either have the same owner. */
export const USER_ID = 65_532;

/** Where the code stands in the images. */
export const APP_DIR = 'app';
