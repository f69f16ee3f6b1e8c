import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { UsageError } from '../../errors.ts'
import { MAX_SOCKET_PATH_LENGTH } from '../../io/system-calls.ts'
import type { Directories } from './directories.ts'
import { checkDomainName } from './domain-name.ts'

/** The file of a runtime directory with the XML that QEMU was started from. */
export const LIVE_XML = 'live.xml'

/** The files of one domain while it runs, in a directory that is 0700, and what is kept of it beside its definition. */
export interface RuntimePaths {
  /** The domain. */
  readonly name: string
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
  /** What is known of a restore whose memory still comes, see postcopy-record.ts. */
  readonly postcopy: string
  /** How far it is. */
  readonly postcopyProgressFile: string
  /** What its page server said. */
  readonly pageServerLog: string
  /** A third monitor, for the page server's own. */
  readonly postcopySocket: string
  /** Where QEMU takes the rest of its memory from a new page server. */
  readonly recoverSocket: string
  readonly log: string
  readonly lock: string
  /** How far the save or restore is that somebody is doing, see job.ts. */
  readonly job: string
  /** Asks the one who does it to stop. */
  readonly jobAbort: string
  /** In the state directory: the image of its managed save. */
  readonly managedSave: string
  /** In the state directory: how it last ended, see last-end.ts. */
  readonly lastEnd: string
  /** In the state directory: the job that ended last. */
  readonly lastJob: string
}

/**
 * Where the files of a running domain are: in a directory with its name, or with a digest of it where the name would make the paths of
 * sockets too long.
 * @throws UsageError BAD_ARGUMENT for an impossible name, PATH_TOO_LONG when the directory is too deep for unix sockets
 */
export function runtimePaths(directories: Directories, name: string): RuntimePaths {
  checkDomainName(name)
  const directory = join(directories.runtimeDir, directoryName(directories.runtimeDir, name))
  const socket = (file: string): string => checkSocketPath(join(directory, file))
  return {
    name,
    directory,
    liveXml: join(directory, LIVE_XML),
    process: join(directory, 'process.json'),
    controlSocket: socket('qmp.sock'),
    querySocket: socket('query.sock'),
    migrationSocket: socket('stream.sock'),
    postcopy: join(directory, 'postcopy.json'),
    postcopyProgressFile: join(directory, 'postcopy-progress.json'),
    pageServerLog: join(directory, 'page-server.log'),
    postcopySocket: socket('postcopy.sock'),
    recoverSocket: socket('recover.sock'),
    log: join(directory, 'qemu.log'),
    lock: join(directory, 'lock'),
    job: join(directory, 'job.json'),
    jobAbort: join(directory, 'job-abort'),
    managedSave: join(directories.stateDir, 'save', `${name}.save`),
    lastEnd: join(directories.stateDir, 'ended', `${name}.json`),
    lastJob: join(directories.stateDir, 'jobs', `${name}.json`),
  }
}

/** The longest name of a socket in a runtime directory. */
const LONGEST_SOCKET = 'postcopy.sock'

const DIGEST = /^~[0-9a-f]{16}$/

/** Whether a runtime directory has a digest in place of the domain's name. */
export function isDigest(directoryName: string): boolean {
  return DIGEST.test(directoryName)
}

function directoryName(runtimeDir: string, name: string): string {
  const length = Buffer.byteLength(join(runtimeDir, name, LONGEST_SOCKET))
  if (length <= MAX_SOCKET_PATH_LENGTH && !isDigest(name)) return name
  return `~${createHash('sha256').update(name).digest('hex').slice(0, 16)}`
}

function checkSocketPath(path: string): string {
  const length = Buffer.byteLength(path)
  if (length <= MAX_SOCKET_PATH_LENGTH) return path
  throw new UsageError(
    'PATH_TOO_LONG',
    `The socket path ${path} has ${length} bytes; Linux takes at most ${MAX_SOCKET_PATH_LENGTH}`,
    {
      path,
      hint: 'Give a shorter runtime directory in STASIS_RUNTIME_DIR, or a shorter state directory',
    },
  )
}
