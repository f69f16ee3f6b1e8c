import { openAgain } from '../../io/files/open-file.ts'
import { closeDescriptor } from '../../io/system-calls.ts'
import { addDescriptors } from '../../qemu/process/add-descriptors.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { type Confinement, pathInQemu } from '../store/confinement.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

/** A file that we have open and QEMU shall read or write. */
export interface FileToLend {
  readonly fd: number
  readonly offset: number
  readonly access: 'read' | 'write'
  /** QEMU will bypass the page cache. */
  readonly direct: boolean
  /** Its `file:` URI for a QEMU of our own user. */
  readonly uri: string
}

/** A file in the hands of QEMU. Disposing it takes it back. */
export interface LentFile extends AsyncDisposable {
  /** For QMP `migrate` and `migrate-incoming`. */
  readonly uri: string
}

/** How a QEMU reaches the sockets and files that it shares with us. */
export interface QemuView {
  /** The path under which it finds a socket of the domain's `transferDirectory`. */
  socketPath(path: string): string
  /** @throws QemuError, StorageError, CancelledError */
  lend(file: FileToLend, signal: AbortSignal | undefined): Promise<LentFile>
}

/** The view of a QEMU that runs as our user. */
export const OUR_VIEW: QemuView = {
  socketPath: (path) => path,
  lend: async ({ uri }) => ({ uri, [Symbol.asyncDispose]: async () => undefined }),
}

/** The view of a running QEMU. `control` is open meanwhile; it also uses the query monitor. */
export function viewOf(
  control: QmpConnection,
  paths: RuntimePaths,
  confinement: Confinement | undefined,
): QemuView {
  if (confinement === undefined) return OUR_VIEW
  return {
    socketPath: (path) => pathInQemu(confinement, path),
    async lend({ fd, offset, access, direct }, signal) {
      const ours = [openAgain(fd, { access, direct: false })]
      try {
        // Two, because QEMU switches O_DIRECT on for all copies of a descriptor.
        if (direct) ours.push(openAgain(fd, { access, direct: true }))
        const set = await addDescriptors(paths.querySocket, ours, signal)
        return {
          uri: `file:/dev/fdset/${set},offset=${offset}`,
          // A QEMU that is gone, or ending, holds nothing.
          [Symbol.asyncDispose]: async () => {
            await control.execute('remove-fd', { 'fdset-id': set }).catch(() => undefined)
          },
        }
      } finally {
        for (const one of ours) closeDescriptor(one)
      }
    },
  }
}
