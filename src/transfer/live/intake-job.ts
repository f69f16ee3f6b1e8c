import type { RingSpan } from './ring.ts'

/** Start data of the thread that takes a stream from a socket. */
export interface IntakeThreadData {
  /** Memory of `IntakeState`. */
  readonly state: SharedArrayBuffer
  /** The ring in memory. */
  readonly memory: SharedArrayBuffer
  readonly memoryLength: number
  /** The ring in a file, for what does not fit into memory. */
  readonly spool: { readonly fd: number; readonly length: number } | undefined
  /** The sender may wait: see `IntakeSpace`. */
  readonly backlogBytes: number | undefined
}

/** Take everything from this socket. */
export interface IntakeJob {
  readonly fd: number
}

/** Bytes that were taken, in the order of the stream. */
export interface TakenPiece extends RingSpan {
  readonly kind: 'piece'
  readonly store: 'memory' | 'spool'
}

/** A message of the thread. */
export type IntakeAnswer =
  /** The next job begins at once. */
  | { readonly kind: 'prepared' }
  | TakenPiece
  /** The stream has ended. */
  | { readonly kind: 'end' }
  /** Both rings are full. The rest is discarded. */
  | { readonly kind: 'full' }
  /** A system call failed. The rest is discarded. */
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string }
