/** What moving a machine needs. */
export interface CopyOptions {
  /** Readers at the same time, where the image allows it. */
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Told how many more bytes of the image were read. */
  readonly onRead: (fileBytes: number) => void
}
