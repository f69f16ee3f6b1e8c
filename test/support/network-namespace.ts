import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { CommandResult } from './stasis-command.ts'

/** Why a test cannot make network devices of its own; `false` when it can. */
export const noNamespaces: string | false =
  process.geteuid?.() !== 0
    ? 'only root makes network devices'
    : spawnSync('unshare', ['--net', '--mount', 'true']).status !== 0 &&
      'this host has no network namespaces'

const command = join(import.meta.dirname, '../../bin/stasis')

/** A host of its own as far as its network devices, /sys and /run are concerned. It ends with its scope. */
export class NetworkNamespace implements AsyncDisposable {
  readonly #holder: ChildProcess
  readonly #env: NodeJS.ProcessEnv

  private constructor(holder: ChildProcess, env: NodeJS.ProcessEnv) {
    this.#holder = holder
    this.#env = env
  }

  /** `env` is for all that runs there, besides the environment of the tests. */
  static async make(env: Readonly<Record<string, string>>): Promise<NetworkNamespace> {
    const start = 'mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && ip link set lo up'
    const holder = spawn(
      'unshare',
      ['--net', '--mount', 'sh', '-c', `${start} && echo ready && exec sleep 1000`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await Promise.race([
      once(holder.stdout, 'data'),
      once(holder, 'exit').then(() => {
        throw new Error('A network namespace could not be made')
      }),
    ])
    return new NetworkNamespace(holder, { ...process.env, ...env })
  }

  /** Runs a program there. */
  async run(program: string, ...args: readonly string[]): Promise<CommandResult> {
    const child = spawn(
      'nsenter',
      [`--target=${this.#holder.pid}`, '--net', '--mount', '--', program, ...args],
      { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
    const [exitCode] = (await once(child, 'close')) as [number | null]
    return { exitCode: exitCode ?? -1, stdout, stderr }
  }

  /** Runs a program there that must succeed. Returns its output. */
  async must(program: string, ...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(program, ...args)
    if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  /** Runs `bin/stasis` there. */
  stasis(...args: readonly string[]): Promise<CommandResult> {
    return this.run(command, ...args)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#holder, 'exit')
    this.#holder.kill('SIGKILL')
    await ended
  }
}
