import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { InternalError } from '../../errors.ts'
import { closeDescriptor, connectedPair, duplicateDescriptor } from '../../io/system-calls.ts'
import type { Directories } from '../store/directories.ts'
import { HeldImage } from './held-image.ts'
import { KeptMonitor } from './kept-monitor.ts'
import { NextServer, type NextServerFds } from './next-server.ts'

/** What a postcopy takes over from a `PreparedServer`. */
export interface Preparation {
  /** Id of the restore, see `PostcopyRecord`. */
  readonly id: string
  readonly directories: Directories
  readonly monitor: KeptMonitor
  /** The stream: the end of QEMU, and ours. */
  readonly stream: readonly [number, number]
  /** The connection to the watcher of the restore: its end, and ours. */
  readonly watcher: readonly [number, number]
  /** The image, without a lock. */
  readonly image: HeldImage | undefined
  /** `undefined` if it cannot start beside QEMU. */
  readonly server: Promise<NextServer | undefined>
}

/**
 * The page server of a lazy restore, which starts before the image is read: then it is ready when the guest runs, and does not delay QEMU. It touches nothing until a
 * postcopy takes it over. Unless that happens, disposing it ends it.
 */
export class PreparedServer implements AsyncDisposable {
  #prepared: Preparation | undefined

  private constructor(prepared: Preparation) {
    this.#prepared = prepared
  }

  /** Starts the process for a restore of the image at `path`. */
  static begin(path: string, directories: Directories): PreparedServer {
    const own = {
      id: randomUUID(),
      directories,
      monitor: KeptMonitor.make(),
      stream: connectedPair(),
      watcher: connectedPair(),
      image: HeldImage.openUnlocked(path),
    }
    return new PreparedServer({ ...own, server: start(own) })
  }

  /** Takes everything over. @throws InternalError when that was done before */
  take(): Preparation {
    const prepared = this.#prepared
    if (prepared === undefined) throw new InternalError('A page server serves one restore')
    this.#prepared = undefined
    return prepared
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#prepared === undefined) return
    const prepared = this.take()
    const { stream, watcher, image, monitor, server } = prepared
    for (const fd of [...stream, ...watcher]) closeDescriptor(fd)
    image?.[Symbol.dispose]()
    await monitor[Symbol.asyncDispose]()
    await (await server)?.discard()
  }
}

/** The descriptors of ours that a page server inherits. */
export function inheritedBy({
  stream: [, connection],
  monitor,
  watcher: [, watcher],
  image,
}: Omit<Preparation, 'server'>): NextServerFds {
  return {
    ...{ connection, monitor: monitor.fd, watcher },
    ...(image !== undefined && { image: image.fd }),
  }
}

/** On a single processor the page server would only delay QEMU. */
async function start(own: Omit<Preparation, 'server'>): Promise<NextServer | undefined> {
  if (availableParallelism() < 2) return undefined
  // Copies, because a restore that fails closes its own while the process starts.
  using copies = new DisposableStack()
  const copied = (fd: number): number =>
    copies.adopt(duplicateDescriptor(fd), (copy) => closeDescriptor(copy))
  const { connection, monitor, watcher, image } = inheritedBy(own)
  const fds = {
    connection: copied(connection),
    monitor: copied(monitor),
    watcher: copied(watcher),
    ...(image !== undefined && { image: copied(image) }),
  }
  return await NextServer.start({ id: own.id, ...own.directories }, fds).catch(() => undefined)
}
