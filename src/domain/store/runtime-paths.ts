import { createHash } from 'node:crypto'
import { UsageError } from '../../errors.ts'
import { MAX_SOCKET_PATH_LENGTH } from '../../io/system-calls.ts'
import type { Directories } from './directories.ts'
import { checkDomainName } from './domain-name.ts'
import { placeOfHost } from './host-directory.ts'

/** The file of a runtime directory with the XML that QEMU was started from. */
export const LIVE_XML = 'live.xml'

/** The files of one domain while it runs, in a directory with mode 0700, and its files beside its definition. */
export interface RuntimePaths {
  /** The domain. */
  readonly name: string
  readonly directory: string
  /** The XML that QEMU was started from. */
  readonly liveXml: string
  /** The record of its process, see runtime-record.ts. */
  readonly process: string
  /** An empty file that exists while a QEMU is being started and has no record. */
  readonly starting: string
  /** The monitor for operations; the holder of the lock may use it. */
  readonly controlSocket: string
  /** A second monitor for queries while an operation uses the first. */
  readonly querySocket: string
  /** The directory of the next two sockets. It belongs to the user of QEMU, see confinement.ts. */
  readonly transferDirectory: string
  /** The socket to which QEMU sends its stream on a save, and on which it receives one on a restore. */
  readonly migrationSocket: string
  /** The record of a restore whose memory is arriving, see postcopy-record.ts. */
  readonly postcopy: string
  /** The progress of that restore. */
  readonly postcopyProgressFile: string
  /** The former names of these two files, from before records had versions. */
  readonly formerPostcopy: string
  readonly formerPostcopyProgressFile: string
  /** The output of its page server. */
  readonly pageServerLog: string
  /** A third monitor, for the page server. */
  readonly postcopySocket: string
  /** The former name of that socket. */
  readonly formerPostcopySocket: string
  /** The socket on which QEMU receives the rest of its memory from a new page server. */
  readonly recoverSocket: string
  /** In the state directory: the output of its QEMUs. */
  readonly log: string
  /** The output of its QEMU, from before it was kept. */
  readonly formerLog: string
  readonly lock: string
  /** The progress of a running save or restore, see job.ts. */
  readonly job: string
  /** Requests the process of that job to stop. */
  readonly jobAbort: string
  /** In the state directory: the image of its managed save. */
  readonly managedSave: string
  /** In the state directory: the image of its safety copy, of which the guest continued. */
  readonly safetyCopy: string
  /** In the state directory: the overlays of its transient disks, see transient-overlays.ts. */
  readonly overlays: string
  /** In the state directory: how it last ended, see last-end.ts. */
  readonly lastEnd: string
  /** In the state directory: the job that ended last. */
  readonly lastJob: string
  /** In the state directory: the directory of the records of second names of images, of all domains. */
  readonly secondNames: string
  /** In the state directory: the directory of the journal of all domains. */
  readonly journal: string
}

/**
 * The files of a running domain, in a directory with its name, or with a digest of the name where the name would make socket paths too long.
 * @throws UsageError BAD_ARGUMENT for an impossible name, PATH_TOO_LONG when the directory is too deep for unix sockets
 */
export function runtimePaths(directories: Directories, name: string): RuntimePaths {
  checkDomainName(name)
  const { runtimeDir } = directories
  // Not `join`, which takes a tenth of a command that looks.
  const directory = `${runtimeDir}/${directoryName(runtimeDir, name)}`
  const at = (file: string): string => `${directory}/${file}`
  const kept = (file: string): string => `${directories.stateDir}/${file}`
  const socket = (file: string): string => checkSocketPath(at(file))
  return {
    name,
    directory,
    liveXml: at(LIVE_XML),
    process: at('process.json'),
    starting: at('starting'),
    controlSocket: socket('qmp.sock'),
    querySocket: socket('query.sock'),
    transferDirectory: at('q'),
    migrationSocket: socket('q/stream'),
    postcopy: at('postcopy.json'),
    postcopyProgressFile: at('postcopy-progress.json'),
    formerPostcopy: at('fill.json'),
    formerPostcopyProgressFile: at('fill-progress.json'),
    pageServerLog: at('page-server.log'),
    postcopySocket: socket('postcopy.sock'),
    formerPostcopySocket: socket('fill.sock'),
    recoverSocket: socket('q/recover'),
    log: kept(`log/${name}.log`),
    formerLog: at('qemu.log'),
    lock: at('lock'),
    job: at('job.json'),
    jobAbort: at('job-abort'),
    managedSave: kept(`save/${name}.save`),
    // No managed save has such a name: those end with `.save`.
    safetyCopy: kept(`save/${name}.copy`),
    overlays: kept(`overlays/${name}.json`),
    lastEnd: kept(`ended/${name}.json`),
    lastJob: kept(`jobs/${name}.json`),
    // Few commands need them, and both ask whether the state directory is shared.
    get secondNames() {
      return secondNamesDirectory(directories)
    },
    get journal() {
      return journalDirectory(directories)
    },
  }
}

/** The directory of the records of second names of images. */
export function secondNamesDirectory({ stateDir }: Pick<Directories, 'stateDir'>): string {
  return placeOfHost(stateDir, 'kept')
}

/** The directory of the journal. */
export function journalDirectory({ stateDir }: Pick<Directories, 'stateDir'>): string {
  return placeOfHost(stateDir, 'journal')
}

/** The longest name of a socket in a runtime directory. */
const LONGEST_SOCKET = 'postcopy.sock'

const DIGEST = /^~[0-9a-f]{16}$/

/** Whether a runtime directory has a digest in place of the domain's name. */
export function isDigest(directoryName: string): boolean {
  return DIGEST.test(directoryName)
}

function directoryName(runtimeDir: string, name: string): string {
  const length = Buffer.byteLength(`${runtimeDir}/${name}/${LONGEST_SOCKET}`)
  if (length <= MAX_SOCKET_PATH_LENGTH && !isDigest(name)) return name
  return `~${createHash('sha256').update(name).digest('hex').slice(0, 16)}`
}

function checkSocketPath(path: string): string {
  const length = Buffer.byteLength(path)
  if (length <= MAX_SOCKET_PATH_LENGTH) return path
  throw new UsageError(
    'PATH_TOO_LONG',
    `The socket path ${path} has ${length} bytes; Linux allows at most ${MAX_SOCKET_PATH_LENGTH}`,
    {
      path,
      hint: 'Use a shorter runtime directory (STASIS_RUNTIME_DIR), or a shorter state directory',
    },
  )
}
