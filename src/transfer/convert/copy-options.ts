/** The options of a copy. */
export interface CopyOptions {
  /** Readers at the same time, where the image supports it. */
  readonly workers: number
  readonly signal?: AbortSignal | undefined
  /** Called with the number of further bytes read from the image. */
  readonly onRead: (fileBytes: number) => void
}
