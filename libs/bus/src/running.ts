/** Something that runs until it is stopped. stop() may be called twice. */
export interface Running {
  stop(): Promise<void>;
}
