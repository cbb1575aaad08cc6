/** Why the two name no kind at all, in the words that policies see from jsPolicy; undefined when they may. */
export function kindProblem(apiVersion: string, kind: string): string | undefined {
  // More than one slash makes it no apiVersion, and then the kind counts for nothing either.
  if (kind === '' || apiVersion.split('/').length > 2) {
    return "Object 'Kind' is missing in 'unstructured object has no kind'";
  }
  return apiVersion === '' || apiVersion.endsWith('/')
    ? "Object 'apiVersion' is missing in 'unstructured object has no version'"
    : undefined;
}
