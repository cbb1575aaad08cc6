import { join } from 'node:path';
import { TOOLS_FOLDER } from './build.ts';
import { type OnProgress, reporting } from './progress.ts';
import { runTool } from './tool.ts';

/** tools/kafka/pom.xml pins the same one. */
export const KAFKA_VERSION = '4.1.0';

/** Of a version of its own, so that what is fetched does not depend on the Maven that is installed. */
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** Fetches Kafka's broker, its tools and all that they need as jars. */
export async function fetchJars(folder: string, env: NodeJS.ProcessEnv, onProgress: OnProgress) {
  const jars = join(folder, 'jars');
  const pom = join(TOOLS_FOLDER, 'kafka/pom.xml');
  const args = ['-B', '-q', '-f', pom, COPY, '-DincludeScope=runtime', `-DoutputDirectory=${jars}`];
  const say = (soFar: string) =>
    `fetching kafka ${KAFKA_VERSION} with mvn, ${soFar}; takes about a minute the first time`;
  await reporting(onProgress, say, () => runTool('mvn', args, folder, env));
  return jars;
}
