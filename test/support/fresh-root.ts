import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type TempDir, tempDir } from './temp-dir.ts'

const run = promisify(execFile)

/** Why there can be no fresh root; `false` when there can. */
export const noFreshRoot: string | false =
  process.geteuid?.() !== 0 && 'only root can install into a root of its own'

/**
 * A root file system to install into: an overlay of a tree, which does not change, with namespaces of its own for mounts and processes, and without
 * `/dev/kvm`. The folder `given` is `/mnt/given` inside.
 */
export class FreshRoot implements AsyncDisposable {
  readonly given: string
  readonly #dir: TempDir
  readonly #holder: ChildProcess
  readonly #init: string
  readonly #settings: readonly string[]

  private constructor(
    dir: TempDir,
    holder: ChildProcess,
    init: string,
    settings: readonly string[],
  ) {
    this.given = dir.join('given')
    this.#settings = settings
    this.#dir = dir
    this.#holder = holder
    this.#init = init
  }

  /** `lower` is `/` for the system that runs the test. `archives` is a folder for what is downloaded, `/mnt/archives` inside. */
  static async over(lower: string, archives = ''): Promise<FreshRoot> {
    const dir = await tempDir()
    for (const name of ['given', 'upper', 'work', 'root']) await mkdir(dir.join(name))
    const options = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
    const argv = [...options, 'sh', '-eu', '-c', SET_UP, 'sh', lower, dir.path, archives]
    const holder = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [ready] = (await Promise.race([
      once(holder.stdout, 'data'),
      once(holder, 'exit'),
    ])) as unknown[]
    if (String(ready) !== 'ready\n') throw new Error(`there is no fresh root over ${lower}`)
    const children = await readFile(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8')
    const settings = archives === '' ? [] : await archiveSettings(dir.join('given'))
    return new FreshRoot(dir, holder, children.trim(), settings)
  }

  /** Runs a script of bash inside, and returns what it wrote, to both outputs. Throws with it if the script fails. */
  async sh(
    script: string,
    { timeoutMs = 120_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<string> {
    const env = ['HOME=/root', 'LANG=C.UTF-8', 'TERM=xterm', `PATH=${PATH}`, ...this.#settings]
    const inside = ['chroot', this.#dir.join('root'), 'env', '-i', ...env]
    const enter = ['--mount', '--pid', '--target', this.#init]
    const argv = [...enter, ...inside, 'bash', '-c', `cd; exec 2>&1; set -euo pipefail\n${script}`]
    const options = { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 }
    try {
      return (await run('nsenter', argv, options)).stdout
    } catch (error) {
      const { stdout, message } = error as { stdout?: string; message: string }
      throw new Error(`in a fresh root:\n${script}\n--- wrote:\n${stdout ?? message}`)
    }
  }

  /** Ends every process inside. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#holder.exitCode === null) {
      const ended = once(this.#holder, 'exit')
      this.#holder.kill('SIGKILL')
      await ended
    }
    // unshare(1) ignores other signals. The last process takes its mounts with it.
    for (let turn = 0; turn < 50 && (await readdir(this.#dir.join('root'))).length > 0; turn += 1)
      await new Promise((resolve) => setTimeout(resolve, 100))
    await this.#dir[Symbol.asyncDispose]()
  }
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const SET_UP = `
  cd "$2"
  mount -t overlay overlay -o "lowerdir=$1,upperdir=upper,workdir=work" root
  mount -t proc proc root/proc
  mount --rbind /sys root/sys
  mount -t tmpfs -o mode=755 dev root/dev
  for device in null zero full random urandom tty; do
    : >root/dev/$device
    mount --bind /dev/$device root/dev/$device
  done
  mkdir root/dev/pts root/dev/shm
  mount --bind /dev/pts root/dev/pts
  ln -s pts/ptmx root/dev/ptmx
  ln -s /proc/self/fd root/dev/fd
  mount -t tmpfs -o mode=1777 shm root/dev/shm
  mount -t tmpfs -o mode=755 run root/run
  mount -t tmpfs -o mode=1777 tmp root/tmp
  mkdir -p root/mnt/given
  mount --bind given root/mnt/given
  if [ -n "$3" ]; then
    mkdir -p root/mnt/archives
    mount --bind "$3" root/mnt/archives
  fi
  [ ! -e /etc/resolv.conf ] || { rm -f root/etc/resolv.conf; cp -L /etc/resolv.conf root/etc/resolv.conf; }
  echo ready
  exec sleep infinity`

/** How this host reaches the archives of packages. Certificates are given as a file. */
async function archiveSettings(given: string): Promise<readonly string[]> {
  const settings = Object.entries(process.env).flatMap(([name, value]) =>
    /^(https?_proxy|no_proxy)$/i.test(name) ? [`${name}=${value}`] : [],
  )
  const certificates = process.env['NODE_EXTRA_CA_CERTS'] ?? ''
  if (certificates !== '') {
    await copyFile(certificates, join(given, 'certificates'))
    settings.push('NODE_EXTRA_CA_CERTS=/mnt/given/certificates')
  }
  const registry = await run('npm', ['config', 'get', 'registry']).catch(() => undefined)
  if (registry !== undefined) settings.push(`npm_config_registry=${registry.stdout.trim()}`)
  return [...settings, 'npm_config_cache=/mnt/archives/npm', 'DEBIAN_FRONTEND=noninteractive']
}
