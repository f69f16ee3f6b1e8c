import { copyFile } from 'node:fs/promises'
import { guestPaths } from './guests.ts'
import { shareState, defineDomain } from '../../src/index.ts'
import { domainXml } from './domain-xml.ts'
import { CounterLog } from './counter-log.ts'
import { qemus } from './qemus.ts'
import { type CommandResult, startStasis } from './stasis-command.ts'
import { type TempDir, tempDir } from './temp-dir.ts'

/** One of several hosts on a shared state directory: an id and a runtime directory of its own. It sees the processes of the others, which is worse than the truth. */
export interface TestHost {
  readonly id: string
  readonly stateDir: string
  readonly runtimeDir: string
  /** Runs `bin/stasis` there. */
  stasis(...args: readonly string[]): Promise<CommandResult>
  /** Runs it and returns the answer of `--json`. */
  json(...args: readonly string[]): Promise<Readonly<Record<string, unknown>>>
}

/** A shared state directory with a domain called `tiny` that counts. Whatever runs there ends with its scope. */
export interface SharedState extends AsyncDisposable {
  readonly dir: TempDir
  readonly stateDir: string
  readonly log: CounterLog
  readonly serial: string
  readonly hosts: readonly [TestHost, TestHost, TestHost]
}

/** `ownDisk`: the domain has a disk that it may write to. */
export async function sharedState(
  options: { readonly ownDisk?: boolean } = {},
): Promise<SharedState> {
  const dir = await tempDir()
  const stateDir = dir.join('state')
  const hosts = [hostOf(dir, 'a'), hostOf(dir, 'b'), hostOf(dir, 'c')] as const
  const serial = { type: 'file', path: dir.join('serial') } as const
  const emulator = qemus()[0]?.emulator ?? ''
  const [{ runtimeDir }] = hosts
  const diskPath = options.ownDisk === true ? { diskPath: dir.join('disk') } : {}
  const xml = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial, ...diskPath })
  try {
    await copyFile(guestPaths().tinyDisk, dir.join('disk'))
    await on(hosts[0], async () => {
      await shareState({ stateDir, runtimeDir })
      await defineDomain(xml, { stateDir, runtimeDir })
    })
  } catch (error) {
    await dir[Symbol.asyncDispose]()
    throw error
  }
  return {
    ...{ dir, stateDir, hosts, serial: serial.path },
    log: new CounterLog(serial.path),
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(hosts.map((host) => host.stasis('destroy', 'tiny')))
      await dir[Symbol.asyncDispose]()
    },
  }
}

/** Does something in this process as on that host. */
export async function on<Result>({ id }: TestHost, act: () => Promise<Result>): Promise<Result> {
  const before = process.env['STASIS_HOST_ID']
  process.env['STASIS_HOST_ID'] = id
  try {
    return await act()
  } finally {
    if (before === undefined) delete process.env['STASIS_HOST_ID']
    else process.env['STASIS_HOST_ID'] = before
  }
}

function hostOf(dir: TempDir, id: string): TestHost {
  const [stateDir, runtimeDir] = [dir.join('state'), dir.join(id)]
  const env = { STASIS_HOST_ID: id, STASIS_RUNTIME_DIR: runtimeDir }
  const stasis = (...args: readonly string[]): Promise<CommandResult> =>
    startStasis(stateDir, args, env).ended
  return {
    ...{ id, stateDir, runtimeDir, stasis },
    async json(...args) {
      const { exitCode, stdout, stderr } = await stasis('--json', ...args)
      const lines = (exitCode === 0 ? stdout : stderr).trim().split('\n')
      return JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>
    },
  }
}
