import type { CommandLineOptions } from '../../src/qemu/command-line/options.ts'
import { buildCommandLine } from '../../src/qemu/command-line/build.ts'
import type { Domain } from '../../src/qemu/domain-xml/model/domain.ts'
import { normaliseDomain } from '../../src/qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../../src/qemu/domain-xml/parse.ts'
import { readDomain } from '../../src/qemu/domain-xml/read-domain.ts'

/** Parts of the XML of a small domain called `a,b`. */
export interface Parts {
  readonly type?: string
  readonly machine?: string
  readonly top?: string
  readonly os?: string
  readonly devices?: string
}

/** The domain with these parts. */
export function domain(parts: Parts = {}): Domain {
  const text = `<domain type='${parts.type ?? 'qemu'}'><name>a,b</name><memory unit='MiB'>64</memory>${parts.top ?? ''}
<os><type arch='x86_64' machine='${parts.machine ?? 'pc-q35-7.2'}'>hvm</type>${parts.os ?? ''}</os>
<devices>${parts.devices ?? ''}</devices></domain>`
  return readDomain(normaliseDomain(parseDomainXml(text))).domain
}

/** The options of `build`, unless it is given others. */
export const USUAL: CommandLineOptions = {
  qemuVersion: { major: 7, minor: 2, micro: 0 },
  monitors: [],
  incoming: false,
}

/** The arguments of a QEMU 7.2 for it. */
export function build(parts: Parts, options: Partial<CommandLineOptions> = {}): readonly string[] {
  return buildCommandLine(domain(parts), { ...USUAL, ...options })
}

/** The values of an option. */
export function values(argv: readonly string[], name: string): readonly string[] {
  return argv.filter((_, at) => argv[at - 1] === name)
}

/** The properties of the devices, objects or nodes of `driver` (or of that `qom-type`). */
export function made(argv: readonly string[], driver: string): readonly Record<string, unknown>[] {
  return ['-device', '-object', '-blockdev', '-netdev']
    .flatMap((name) => values(argv, name))
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .filter((one) => [one['driver'], one['qom-type'], one['type']].includes(driver))
}
