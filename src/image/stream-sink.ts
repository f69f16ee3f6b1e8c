/** Where the bytes of a stream go, one `append` at a time. */
export interface StreamSink {
  /** Settles when `bytes` may be reused. @throws StorageError and others, of this or an earlier piece */
  append(bytes: Uint8Array): Promise<void>
  /** Waits for all; gives how many bytes of the file they took. */
  flush(): Promise<number>
  /** Waits until nothing is under way any more, whatever became of it. */
  idle(): Promise<void>
}
