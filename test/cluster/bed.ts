import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../support/cache-dir.ts'
import type { CommandResult } from '../support/stasis-command.ts'

const script = join(import.meta.dirname, 'bed/bed')

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The nodes of the bed. */
export const NODES = ['n1', 'n2', 'n3'] as const
/** The name of a node. */
export type Node = (typeof NODES)[number]

/** Why the bed cannot run here, in words; `false` if it can. */
export function bedObstacle(): string | false {
  if (process.getuid?.() !== 0) return 'only root can make the nodes'
  return (
    !existsSync(join(cacheDir, 'cluster/packages')) &&
    'Pacemaker is not there: sh scripts/cluster-packages unpacks it'
  )
}

/** A running cluster of three nodes (test/cluster/bed/). It ends with its scope. */
export class Bed implements AsyncDisposable {
  /** The folder of the bed. */
  readonly folder: string
  /** The same folder on all nodes. `outside()` says where this process finds it. */
  readonly shared: string
  readonly #env: NodeJS.ProcessEnv
  #root = ''
  /** A bed that outlives this process would keep the host busy. */
  readonly #onSignal = (): void => {
    spawnSync(script, ['down'], { env: this.#env })
    process.exit(130)
  }

  private constructor(folder: string, withLibvirt: boolean) {
    this.folder = folder
    this.shared = join(folder, 'shared')
    this.#env = {
      ...process.env,
      STASIS_BED: folder,
      ...(withLibvirt && { STASIS_BED_LIBVIRT: '1' }),
    }
  }

  /** Starts it; all nodes are online when this returns. With libvirt, its daemon runs on every node. */
  static async up(
    folder: string,
    { withLibvirt = false }: { readonly withLibvirt?: boolean } = {},
  ): Promise<Bed> {
    const bed = new Bed(folder, withLibvirt)
    for (const signal of SIGNALS) process.once(signal, bed.#onSignal)
    try {
      await bed.do('up')
      bed.#root = (await bed.do('root')).trim()
      return bed
    } catch (error) {
      await bed[Symbol.asyncDispose]()
      throw error
    }
  }

  /** A command of the bed that must succeed (`bed` without arguments lists them). Returns its output. */
  async do(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#run(args)
    if (exitCode !== 0) throw new Error(`bed ${args.join(' ')} (${exitCode}): ${stdout}${stderr}`)
    return stdout
  }

  /** Runs a command in a node. */
  exec(node: Node, ...command: readonly string[]): Promise<CommandResult> {
    return this.#run(['exec', node, ...command])
  }

  /** Runs a command in a node that must succeed. Returns its output. */
  must(node: Node, ...command: readonly string[]): Promise<string> {
    return this.do('exec', node, ...command)
  }

  /** Where this process finds a path of the shared folder. */
  outside(path: string): string {
    return join(this.#root, path)
  }

  /** The first process of each node, as seen from here; 0 for a node that is off. */
  async pids(): Promise<Readonly<Record<Node, number>>> {
    const lines = (await this.do('pids')).trim().split('\n')
    const pids = lines.map((line) => line.split(' '))
    return Object.fromEntries(pids.map(([node, pid]) => [node, Number(pid) || 0])) as Record<
      Node,
      number
    >
  }

  /** What the power strip did: lines of time in seconds, node, and `on`, `off` or `was off`. */
  powerLog(): readonly string[] {
    return readFileSync(join(this.folder, 'power.log'), 'utf8').trim().split('\n')
  }

  #run(args: readonly string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      const options = { env: this.#env, timeout: 180_000, maxBuffer: 64 * 1024 * 1024 }
      execFile(script, args, options, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ exitCode, stdout, stderr })
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal)
    await this.#run(['down'])
    await rm(this.folder, { recursive: true, force: true })
  }
}
