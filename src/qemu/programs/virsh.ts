import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { QemuError } from '../../errors.ts'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'
import { requireCompanion } from './find-program.ts'

const run = promisify(execFile)

const VIRSH = {
  name: 'virsh',
  purpose: 'asks libvirt',
  package: 'libvirt-clients',
  directories: ['/usr/bin', '/usr/local/bin'],
} as const

const MAX_OUTPUT = 64 * 1024 * 1024

/**
 * The answer of virsh, in English. `uri` and the arguments are passed as they are: a name that begins with a hyphen must come after `--domain`.
 * @throws QemuError QEMU_LACKS_FEATURE when it is not installed, QEMU_REFUSED with its message
 */
export async function askVirsh(
  uri: string,
  args: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const virsh = await requireCompanion(VIRSH)
  const own = Object.entries(process.env).filter(([name]) => /^(HOME|USER|XDG_.*)$/.test(name))
  const env = cleanEnvironment(Object.fromEntries(own) as Record<string, string>)
  try {
    const { signal } = options
    const given = ['-q', '-c', uri, ...args]
    return (await run(virsh, given, { env, signal, maxBuffer: MAX_OUTPUT })).stdout
  } catch (cause) {
    const said = (cause as { readonly stderr?: string }).stderr?.trim() ?? ''
    throw new QemuError(
      'QEMU_REFUSED',
      `virsh -c ${uri} ${args.join(' ')} failed${said === '' ? '' : `: ${said.replace(/^error: /, '')}`}`,
      { operation: 'ask libvirt', path: virsh, cause },
    )
  }
}
