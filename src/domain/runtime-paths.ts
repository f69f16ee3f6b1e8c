import { join } from 'node:path'
import { UsageError } from '../errors.ts'
import { MAX_SOCKET_PATH_LENGTH } from '../io/system-calls.ts'
import type { Directories } from './directories.ts'
import { checkDomainName } from './domain-name.ts'

/** The files of one domain while it runs; the directory is 0700. */
export interface RuntimePaths {
  readonly directory: string
  /** The XML that QEMU was started from. */
  readonly liveXml: string
  /** Which process it is, see runtime-record.ts. */
  readonly process: string
  /** The monitor for acts; whoever holds the lock may use it. */
  readonly controlSocket: string
  /** A second monitor for questions while an act holds the first. */
  readonly querySocket: string
  /** Where QEMU sends its stream on a save, and where it takes one from on a restore. */
  readonly migrationSocket: string
  readonly log: string
  readonly lock: string
}

/**
 * Where the files of a running domain are.
 * @throws UsageError BAD_ARGUMENT for an impossible name, PATH_TOO_LONG when the directory is too deep for unix sockets
 */
export function runtimePaths(directories: Directories, name: string): RuntimePaths {
  checkDomainName(name)
  const directory = join(directories.runtimeDir, name)
  const socket = (file: string): string => checkSocketPath(join(directory, file))
  return {
    directory,
    liveXml: join(directory, 'live.xml'),
    process: join(directory, 'process.json'),
    controlSocket: socket('qmp.sock'),
    querySocket: socket('query.sock'),
    migrationSocket: socket('stream.sock'),
    log: join(directory, 'qemu.log'),
    lock: join(directory, 'lock'),
  }
}

function checkSocketPath(path: string): string {
  const length = Buffer.byteLength(path)
  if (length <= MAX_SOCKET_PATH_LENGTH) return path
  throw new UsageError(
    'PATH_TOO_LONG',
    `The socket path ${path} has ${length} bytes; Linux takes at most ${MAX_SOCKET_PATH_LENGTH}`,
    {
      path,
      hint: 'Give a shorter runtime directory in STASIS_RUNTIME_DIR, or a shorter state directory or domain name',
    },
  )
}
