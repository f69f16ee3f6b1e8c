import { figuresOf, shares, slowest } from './figures.ts'
import type { Judgement } from './judge.ts'
import { LIMIT_MS } from './build-machine.ts'

/** docs/machines.md: the figures, and what is not supported and why. */
export function machinesDocument(judgements: readonly Judgement[]): string {
  const longest = slowest(judgements)
  return `# Machines beside libvirt's

\`npm run test:machines -- --write\` makes this page. It builds the command line of every x86_64 and aarch64 machine in libvirt's own tests (\`tests/qemuxmlconfdata\` of 11.3.0,
\`tests/qemuxml2argvdata\` of 9.0.0), for the QEMU whose answers libvirt recorded, and compares it with libvirt's. Machines of QEMU before 6.2 and those for
capabilities that no QEMU has are left out, such as those for a QEMU without USB controllers.

- *User's XML*: what a person defines. Addresses, controllers and defaults are filled in here.
- *Complete XML*: libvirt's own result, as in a save image, except for its cookie.
- *Equal*: machine type, processors, RAM blocks, NUMA, every device with its place and properties, globals, boot and SMBIOS are the same.
- *Host's side*: only the host's side differs, such as the kind of a memory backend.
- A disk that libvirt lets nbdkit fetch, and that QEMU fetches itself here, differs on the host's side. A generation id and the address of a vsock that each host chooses for itself are not compared.
- *Processor*: libvirt computes the processor's model from the host, here a pretended one. A real image has the result in its cookie.
- Networks that a test names are given as with \`--network NAME=tap:DEVICE\`. A bridge and a tap device count as the same: libvirt makes a tap device for a bridge, and so does root here.
- aarch64 with KVM: libvirt names no processor where the XML has none; here it is the host's, the only one that KVM of ARM has. Some of libvirt's tests pretend a KVM without version 3 of the interrupt controller.
- *Visible*: the guest can notice the difference. *Stream*: an image of the one would not load in the other.

${table(
  [
    '',
    'machines',
    'accepted',
    'equal',
    "host's side",
    'processor',
    'visible',
    'stream',
    'unsupported',
    'called invalid',
    'crashed',
    'of the accepted equal to the guest',
  ],
  figuresOf(judgements)
    .filter(({ title, count }) => title !== 'virt-install' && count('accepted', 'refused') === 0)
    .map((figures) => {
      const { title, total, count } = figures
      const { accepted, equal } = shares(figures)
      const each = (
        ['equal', 'host', 'cpu', 'visible', 'stream', 'unsupported', 'invalid', 'crashed'] as const
      ).map((verdict) => String(count(verdict)))
      return [title, String(total), accepted, ...each, equal]
    }),
)}

Domains that \`virt-install --print-xml\` (5.0, with the systems of osinfo-db 2025-06) writes, for the settings in \`test/machines/virt-install.txt\`:

${table(
  ['machines', 'accepted', 'unsupported', 'called invalid', 'crashed'],
  figuresOf(judgements)
    .filter(({ title }) => title === 'virt-install')
    .map((figures) => [
      String(figures.total),
      shares(figures).accepted,
      ...(['unsupported', 'invalid', 'crashed'] as const).map((one) => String(figures.count(one))),
    ]),
)}

\`test/machines/round-trips.test.ts\` changes only the host's side of these domains, and starts, saves and restores them on QEMU 7.2 and 10: the memory is the same afterwards, and the guest
continues. \`npm test\` takes three of them, \`npm run test:all\` all for which this host has the devices: 96 of the 104 on QEMU 7.2, 78 on 10, in 47 minutes on two cores. The others need Ceph, an NBD server,
a device to give away, a processor that encrypts memory, a render node, vsock, or QXL, which the QEMU 10 of the tests does not have. \`test/libvirt/families.test.ts\` sends a guest of each family of devices (libvirt's
networks, TPM, Secure Boot, NUMA, plugged processors, DIMM, NVDIMM, virtio-mem) to real libvirt and back (in the long run also a macvtap), \`test/libvirt/spice.test.ts\` a desktop.

\`test/lifecycle/network-devices.test.ts\` starts, saves and restores guests on real macvtaps, prepared tap devices, Open vSwitch (its switch in user space) and passt (also behind \`vhostuser\`, on QEMU 10), in a network namespace. The kernel of our tests has neither \`/dev/vhost-net\` nor the switch of Open vSwitch: for vhost only the command lines are compared.

What libvirt itself refuses:

${table(
  ['', 'machines', 'refused', 'accepted'],
  figuresOf(judgements)
    .filter(({ count }) => count('accepted', 'refused') > 0)
    .map(({ title, total, count }) => [
      title,
      String(total),
      String(count('refused')),
      String(count('accepted')),
    ]),
)}

No command line may take longer than ${LIMIT_MS} ms. ${(longest?.timeMs ?? 0) <= LIMIT_MS ? 'None does' : `${longest?.name} does`}.

## Not supported

Where in the XML the first thing is that is not supported, and how many machines have it. \`test/machines/unsupported.txt\` has their names.

${table(['place in the XML', ...sources(judgements)], reasonRows(judgements, ['unsupported', 'invalid']))}

## Different

What is different for the guest in machines that are accepted. \`test/machines/differs.txt\` has their names.

${table(['fact', ...sources(judgements)], reasonRows(judgements, ['visible', 'stream']))}
`
}

function sources(judgements: readonly Judgement[]): readonly string[] {
  return [...new Set(judgements.map(({ source }) => source))]
}

function reasonRows(
  judgements: readonly Judgement[],
  verdicts: readonly Judgement['verdict'][],
): readonly (readonly string[])[] {
  const columns = sources(judgements)
  const machines = new Map<string, Set<string>[]>()
  for (const { source, name, verdict, reasons } of judgements) {
    if (!verdicts.includes(verdict)) continue
    const reason = placeless(reasons[0] ?? verdict)
    const counts = machines.get(reason) ?? columns.map(() => new Set<string>())
    counts[columns.indexOf(source)]?.add(name)
    machines.set(reason, counts)
  }
  const total = (counts: readonly Set<string>[]): number =>
    counts.reduce((sum, { size }) => sum + size, 0)
  return [...machines]
    .toSorted(([a, x], [b, y]) => total(y) - total(x) || (a < b ? -1 : 1))
    .map(([reason, counts]) => [`\`${reason}\``, ...counts.map(({ size }) => String(size))])
}

/** A fact without the place of its device and without long values. */
function placeless(fact: string): string {
  return fact.replace(/^device at \S+( \S+=\d+|0x\S+| 0x\S+)*/, 'device').slice(0, 60)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '-')), ...rows.map(line)].join('\n')
}
