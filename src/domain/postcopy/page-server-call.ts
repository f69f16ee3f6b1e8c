/** What a process of a page server is told. */
export interface PageServerCall {
  /** The domain. */
  readonly name: string
  /** Where the runtime directories of all domains are. */
  readonly runtimeDir: string
  /** Of the restore, see `PostcopyRecord`. */
  readonly id: string
  /** Who does what: the supervisor sees to it that there is a server, and speaks with QEMU's monitor. */
  readonly part: 'supervisor' | 'server'
  /** What it has inherited: see `InheritedFds`. A server that has nothing takes over from one that is gone. */
  readonly inherited?: Partial<InheritedFds> | undefined
}

/** Descriptors of a process of a page server. */
export interface InheritedFds {
  /** A server's: the connection to QEMU, on which it goes on. */
  readonly connection: number
  /** A server's: to the one at work, see hand-over-channel.ts. */
  readonly handOver: number
  /** A supervisor's monitor, or that of one which the server will start. */
  readonly monitor: number
}
