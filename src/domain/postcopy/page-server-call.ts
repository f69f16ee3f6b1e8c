/** The argument of a page server's process. */
export interface PageServerCall {
  /** The domain; a server that is to take over gets it by its connection to the active one. */
  readonly name?: string | undefined
  /** The parent of the runtime directories of all domains. */
  readonly runtimeDir: string
  /** Id of the restore, see `PostcopyRecord`. */
  readonly id: string
  /** The role of the process: the supervisor makes sure that there is a server, and uses QEMU's monitor. */
  readonly part: 'supervisor' | 'server'
  /** Its inherited descriptors: see `InheritedFds`. A server without any takes over from one that is gone. */
  readonly inherited?: Partial<InheritedFds> | undefined
}

/** Descriptors of a page server's process. */
export interface InheritedFds {
  /** For a server: the connection to QEMU, which it continues. */
  readonly connection: number
  /** For a server: the connection to the active server, see hand-over-channel.ts. */
  readonly handOver: number
  /** The monitor of a supervisor, or of the supervisor that the server will start. */
  readonly monitor: number
  /** The image, open and locked, so that it outlives its name. */
  readonly image: number
  /** For a server: our end of the connection to the watcher of the restore, which it dismisses. */
  readonly watcher: number
}
