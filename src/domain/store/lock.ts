import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rmdir, stat, unlink } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { DomainError, throwIfCancelled } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { isThere } from '../../io/files/file-names.ts'
import { lockFile, shareFile } from '../../io/files/locks/file-lock.ts'
import type { JobOperation } from './job-record.ts'
import type { RuntimePaths } from './runtime-paths.ts'

/** Most operations take milliseconds; a wait of this long lets them run one after another. */
const PATIENCE_MS = 1000
const RETRY_MS = 20

/** The release of a lock removes its directory, possibly while another process creates it. This many times in a row is not a coincidence. */
const MAX_COINCIDENCES = 100

/** The process that holds a lock, as recorded in it; `undefined` when that cannot be read (yet). */
export interface LockHolder {
  readonly pid: number | undefined
  readonly verb: string | undefined
}

/**
 * The exclusive right to change one domain. The kernel drops it with the process, so a crash leaves nothing locked. Releasing it removes the runtime
 * directory when that contains nothing else.
 */
export class DomainLock implements AsyncDisposable {
  readonly #paths: RuntimePaths
  readonly #handle: FileHandle

  private constructor(paths: RuntimePaths, handle: FileHandle) {
    this.#paths = paths
    this.#handle = handle
  }

  /**
   * Takes the lock of a domain for `verb`; waits a second for a short operation of another process.
   * @throws DomainError DOMAIN_BUSY with the holder, StorageError, CancelledError
   */
  static async acquire(
    name: string,
    paths: RuntimePaths,
    verb: string,
    signal?: AbortSignal,
  ): Promise<DomainLock> {
    return patiently({ name, verb, signal }, () => DomainLock.tryAcquire(paths, verb))
  }

  /**
   * `acquire` for a command that only looks: it makes no file, and writes nothing. The lock of a domain that is off may be missing; then nothing is locked.
   * @throws as `acquire`
   */
  static async acquireToLook(
    name: string,
    paths: RuntimePaths,
    verb: string,
    signal?: AbortSignal,
  ): Promise<AsyncDisposable> {
    return patiently({ name, verb, signal }, () => tryToLook(paths, verb))
  }

  /** Tries once without waiting: returns the lock, or its holder. @throws StorageError */
  static async tryAcquire(paths: RuntimePaths, verb: string): Promise<DomainLock | LockHolder> {
    let taken: FileHandle | undefined
    try {
      for (let attempt = 1; ; attempt += 1) {
        await mkdir(paths.directory, { recursive: true, mode: 0o700 }).catch(async (error) => {
          if (attempt >= MAX_COINCIDENCES) throw await reasonOf(error, paths.directory)
          ignoreMissing(error)
        })
        const handle = await open(paths.lock, 'a+', 0o600).catch(ignoreMissing)
        if (handle === undefined) continue
        try {
          if (!lockFile(handle.fd, paths.lock)) return await readHolder(handle)
          // The previous holder may have removed the file after we opened it.
          if (!(await isStillThere(handle, paths.lock))) continue
          await handle.truncate(0)
          await handle.write(JSON.stringify({ pid: process.pid, verb }))
          taken = handle
          return new DomainLock(paths, handle)
        } finally {
          if (taken === undefined) await handle.close()
        }
      }
    } catch (error) {
      throw storageError(`lock the domain for ${verb}`, paths.lock, error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const files = await readdir(this.#paths.directory).catch(() => [])
    if (files.length === 1) {
      await unlink(this.#paths.lock).catch(() => undefined)
      await rmdir(this.#paths.directory).catch(() => undefined)
    }
    // The lock is gone in any case.
    await this.#handle.close().catch(() => undefined)
  }
}

/** Repeats an attempt for a second, until it is a lock and not its holder. @throws DomainError DOMAIN_BUSY, CancelledError; errors of `attempt` */
async function patiently<Lock extends AsyncDisposable>(
  {
    name,
    verb,
    signal,
  }: { readonly name: string; readonly verb: string; readonly signal: AbortSignal | undefined },
  attempt: () => Promise<Lock | LockHolder>,
): Promise<Lock> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    throwIfCancelled(`${verb} domain '${name}'`, signal)
    const result = await attempt()
    if (Symbol.asyncDispose in result) return result
    if (performance.now() > deadline) {
      throw new DomainError('DOMAIN_BUSY', `Domain '${name}' is busy: ${textOf(result)}`, {
        operation: verb,
        hint: hintFor(name, result),
      })
    }
    await delay(RETRY_MS)
  }
}

async function tryToLook(
  { lock: path }: RuntimePaths,
  verb: string,
): Promise<AsyncDisposable | LockHolder> {
  try {
    const { O_RDONLY, O_RDWR, O_NOFOLLOW } = constants
    // Over NFS, the exclusive lock needs a file that is open to write.
    const handle = await open(path, O_RDWR | O_NOFOLLOW)
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EROFS') throw error
        return open(path, O_RDONLY | O_NOFOLLOW)
      })
      .catch(ignoreMissing)
    if (handle === undefined) return { [Symbol.asyncDispose]: async () => undefined }
    if (lockFile(handle.fd, path)) return handle
    await using _handle = handle
    return await readHolder(handle)
  } catch (error) {
    throw storageError(`lock the domain for ${verb}`, path, error)
  }
}

/** Node says ENOENT for a read-only file system if it is to make the parents, too. */
async function reasonOf(error: unknown, directory: string): Promise<unknown> {
  return mkdir(directory).then(
    () => error,
    (plain: unknown) => plain,
  )
}

/**
 * Whether a process holds the lock of a domain. This only looks: it creates no file.
 * @throws StorageError
 */
export async function isLocked(paths: RuntimePaths): Promise<boolean> {
  try {
    const handle = await open(paths.lock, constants.O_RDONLY | constants.O_NOFOLLOW).catch(
      ignoreMissing,
    )
    if (handle === undefined) return false
    await using _handle = handle
    // For a moment this looks like a holder; processes that want the lock try again.
    return !shareFile(handle.fd, paths.lock)
  } catch (error) {
    throw storageError('check the lock of the domain', paths.lock, error)
  }
}

async function isStillThere(handle: FileHandle, path: string): Promise<boolean> {
  const named = await stat(path).catch(ignoreMissing)
  const held = await handle.stat()
  return named !== undefined && named.ino === held.ino && named.dev === held.dev
}

async function readHolder(handle: FileHandle): Promise<LockHolder> {
  const buffer = Buffer.alloc(256)
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
  try {
    const { pid, verb } = JSON.parse(buffer.toString('utf8', 0, bytesRead)) as LockHolder
    // Commands that only look leave the name of the last holder there.
    if (await isThere(`/proc/${pid}`)) return { pid, verb }
    return { pid: undefined, verb: undefined }
  } catch {
    return { pid: undefined, verb: undefined }
  }
}

function textOf({ pid, verb }: LockHolder): string {
  return pid === undefined || verb === undefined
    ? 'another process is using it'
    : `process ${pid} is running ${verb}`
}

/** Operations that another process can watch and cancel. */
const JOBS: ReadonlySet<string> = new Set<JobOperation>([
  'save',
  'managedsave',
  'restore',
  'start',
  'checkpoint',
])

function hintFor(name: string, { verb }: LockHolder): string {
  return verb !== undefined && JOBS.has(verb)
    ? `Wait until it has finished: \`stasis domjobinfo ${name}\` shows how far it is, and \`stasis domjobabort ${name}\` cancels it`
    : 'Wait until that command has finished, or interrupt it'
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
  throw error
}
