import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const script = join(import.meta.dirname, '../../scripts/libvirt-bed')
const run = promisify(execFile)

/** The libvirts that `scripts/libvirt-bed` has. */
export type BedVersion = '9.0' | '11.3'

/** A running libvirt without domains. Its guests and its daemon end with its scope, or with this process. */
export interface LibvirtBed extends AsyncDisposable {
  readonly version: BedVersion
  /** Runs virsh and returns its output. Rejects with its error message. */
  virsh(...args: readonly string[]): Promise<string>
  /** The same with an editor: `save-image-edit` runs `EDITOR FILE`. */
  virshWithEditor(editor: string, ...args: readonly string[]): Promise<string>
  /** Runs a command as the user nobody, whose home is `home`, and returns its output. Rejects with its error message. */
  asUser(home: string, ...command: readonly string[]): Promise<string>
  /** Starts the daemon again with another `save_image_format`, which plain `virsh save` then writes. */
  setFormat(format: string): Promise<void>
}

/** Why libvirt cannot run here, in words; `undefined` if it can. */
export function bedObstacle(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'libvirtd takes root'
}

/** Starts a libvirt, after waiting for other users of it. It sees `directory` besides `/tmp` and the cache folder. */
export async function holdLibvirt(version: BedVersion, directory?: string): Promise<LibvirtBed> {
  const child = spawn('sh', [script, version, 'hold'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...(directory === undefined ? {} : { STASIS_TEST_DIR: directory }) },
  })
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  const ready = new Promise<void>((resolve, reject) => {
    lines.once('line', () => resolve())
    lines.once('close', () => reject(new Error(`libvirt ${version} does not come up`)))
  })
  await ready
  const virsh = async (environment: NodeJS.ProcessEnv, args: readonly string[]) =>
    (await run('sh', [script, version, 'virsh', ...args], { env: environment })).stdout
  return {
    version,
    virsh: (...args) => virsh(process.env, args),
    virshWithEditor: (editor, ...args) => virsh({ ...process.env, EDITOR: editor }, args),
    asUser: async (home, ...command) =>
      (await run('sh', [script, version, 'user', home, ...command])).stdout,
    setFormat: async (format) => {
      await run('sh', [script, version, 'up', format])
    },
    async [Symbol.asyncDispose](): Promise<void> {
      child.stdin.end()
      await closed
    },
  }
}
