/** As the API server calls it: it adds the timeout of the webhook. */
export const webhookPath = (policy: string): string => `/policy/${policy}?timeout=10s`;
