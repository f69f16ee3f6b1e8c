import type { QmpConnection } from '../qmp/connection.ts'

/**
 * In which ways a running machine is no longer what its command line makes, in words: devices plugged in or out, disks and media that it
 * does not name. Only what the guest would miss counts; a network link that is down or a balloon travels in the state.
 * Source: QEMU hw/core/qdev.c (`hotplugged`), qapi/block-core.json `BlockInfo`, 7.2 to 11.
 * @throws QemuError
 */
export async function changesSinceStart(
  qmp: QmpConnection,
  argv: readonly string[],
): Promise<readonly string[]> {
  const present = [
    ...(await devicesUnder(qmp, '/machine/peripheral')),
    ...(await devicesUnder(qmp, '/machine/peripheral-anon')),
  ]
  const ids = new Set(present.map(({ name }) => name))
  return [
    ...present.filter(({ hotplugged }) => hotplugged).map(pluggedIn),
    ...namedDevices(argv)
      .filter((id) => !ids.has(id))
      .map((id) => `the device ${id} of its command line was unplugged`),
    ...(await otherDisks(qmp, argv.join('\n'))),
  ]
}

interface PresentDevice {
  readonly name: string
  readonly driver: string
  readonly hotplugged: boolean
}

function pluggedIn({ name, driver }: PresentDevice): string {
  return `the device ${name} (${driver}) was plugged in after its start`
}

async function devicesUnder(qmp: QmpConnection, path: string): Promise<readonly PresentDevice[]> {
  const children = await qmp.execute('qom-list', { path })
  return Promise.all(
    children.flatMap(({ name, type }) => {
      const driver = /^child<(.+)>$/.exec(type)?.[1]
      return driver === undefined ? [] : [look(name, driver)]
    }),
  )

  async function look(name: string, driver: string): Promise<PresentDevice> {
    const device = { path: `${path}/${name}`, property: 'hotplugged' }
    return { name, driver, hotplugged: (await qmp.execute('qom-get', device)) === true }
  }
}

/** The ids that the command line gives to devices. */
function namedDevices(argv: readonly string[]): readonly string[] {
  return argv.flatMap((value, index) => {
    if (!/^--?device$/.test(argv[index - 1] ?? '')) return []
    const id = value.startsWith('{')
      ? /"id":\s*"([^"]+)"/.exec(value)?.[1]
      : /(?:^|,)id=([^,]+)/.exec(value)?.[1]
    return id === undefined ? [] : [id]
  })
}

/** A snapshot taken while it ran, a medium that was changed, a temporary overlay (`-snapshot`): the command line leads to other contents. */
async function otherDisks(qmp: QmpConnection, commandLine: string): Promise<readonly string[]> {
  const blocks = await qmp.execute('query-block')
  return blocks.flatMap(({ device, qdev, inserted }) => {
    if (inserted === undefined) return []
    const other = filesIn(inserted.file).filter((file) => !names(commandLine, file))
    const disk = device === '' ? (qdev ?? '') : device
    return other.map((file) => `its disk ${disk} is ${file}, which its command line does not name`)
  })
}

/** The files in a block device's name, which is one, or `json:` and its options. */
function filesIn(name: string): readonly string[] {
  if (!name.startsWith('json:')) return /^[\w-]+:/.test(name) ? [] : [name]
  return [...name.matchAll(/"filename":\s*"((?:[^"\\]|\\.)*)"/g)].map((match) =>
    String(JSON.parse(`"${match[1] ?? ''}"`)),
  )
}

/** As it is, with the commas of an option list doubled, or as a JSON string. */
function names(commandLine: string, file: string): boolean {
  const spellings = [file, file.replaceAll(',', ',,'), JSON.stringify(file).slice(1, -1)]
  return spellings.some((spelling) => commandLine.includes(spelling))
}
