/** The destination of a stream, one `append` at a time. */
export interface StreamSink {
  /** Settles when `bytes` may be reused. @throws StorageError and others, of this or an earlier piece */
  append(bytes: Uint8Array): Promise<void>
  /** Waits for all pieces; returns how many bytes of the file they take. */
  flush(): Promise<number>
  /** Waits until nothing is pending, including failed pieces. */
  idle(): Promise<void>
  /** Makes pieces fail that wait for another process to take them; nothing else waits for long. */
  abandon?(): void
}
