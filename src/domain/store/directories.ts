import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { checkOwnDirectory } from '../../io/files/directory.ts'
import { checkOptions } from './check-options.ts'

/** The directories for domains. Omitted ones come from the environment, or else from the defaults. */
export interface DirectoryOptions {
  /** Definitions and managed saves. Default: `STASIS_STATE_DIR`, `/var/lib/stasis` for root, `$XDG_STATE_HOME/stasis` for others. */
  readonly stateDir?: string | undefined
  /**
   * Files that last only as long as a QEMU. Default: `STASIS_RUNTIME_DIR`, `STATE_DIR/run` when a state directory was given, `/run/stasis` or
   * `$XDG_RUNTIME_DIR/stasis`.
   */
  readonly runtimeDir?: string | undefined
}

/** The two directories, absolute. */
export interface Directories {
  readonly stateDir: string
  readonly runtimeDir: string
}

/** The environment and user that the defaults depend on: by default those of this process. */
export interface Caller {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly root: boolean
}

/** Resolves the directories for domains. @throws UsageError BAD_ARGUMENT for options of wrong types */
export function resolveDirectories(
  options: DirectoryOptions,
  caller: Caller = { env: process.env, root: process.geteuid?.() === 0 },
): Directories {
  checkOptions(options)
  const env = (name: string): string | undefined => caller.env[name] || undefined
  const given = options.stateDir ?? env('STASIS_STATE_DIR')
  const stateDir = resolve(given ?? defaultStateDir(env, caller.root))
  const runtimeDir =
    options.runtimeDir ??
    env('STASIS_RUNTIME_DIR') ??
    (given === undefined ? defaultRuntimeDir(env, caller.root) : undefined) ??
    join(stateDir, 'run')
  return { stateDir, runtimeDir: resolve(runtimeDir) }
}

/** The directory for variable stores of domains whose XML has no path for them. */
export function nvramDirectory(stateDir: string): string {
  return join(stateDir, 'nvram')
}

/**
 * `resolveDirectories` for an operation or a query. Each directory is missing or safe to use.
 * @throws UsageError BAD_ARGUMENT; StorageError UNSAFE_DIRECTORY when another user could have put files into one
 */
export async function openDirectories(options: DirectoryOptions): Promise<Directories> {
  const directories = resolveDirectories(options)
  await checkDirectories(directories)
  return directories
}

/** Checks that other users can put no files into the directories, if these exist. @throws StorageError UNSAFE_DIRECTORY and others */
export async function checkDirectories({ stateDir, runtimeDir }: Directories): Promise<void> {
  await checkOwnDirectory(stateDir)
  await checkOwnDirectory(runtimeDir)
}

/** The domains of root, or those of the user, as libvirt's URIs name them (`qemu:///system`, `qemu:///session`). */
export type Connection = 'system' | 'session'

/** The default directories of a connection, whoever runs this. `STASIS_STATE_DIR` and `STASIS_RUNTIME_DIR` do not count. */
export function directoriesOfConnection(
  connection: Connection,
  variables: Caller['env'] = process.env,
): Directories {
  const env = (name: string): string | undefined => variables[name] || undefined
  const root = connection === 'system'
  const stateDir = resolve(defaultStateDir(env, root))
  return { stateDir, runtimeDir: resolve(defaultRuntimeDir(env, root) ?? join(stateDir, 'run')) }
}

type Lookup = (name: string) => string | undefined

function defaultStateDir(env: Lookup, root: boolean): string {
  if (root) return '/var/lib/stasis'
  const home = env('XDG_STATE_HOME') ?? join(env('HOME') ?? homedir(), '.local', 'state')
  return join(home, 'stasis')
}

function defaultRuntimeDir(env: Lookup, root: boolean): string | undefined {
  if (root) return '/run/stasis'
  const directory = env('XDG_RUNTIME_DIR')
  return directory === undefined ? undefined : join(directory, 'stasis')
}
