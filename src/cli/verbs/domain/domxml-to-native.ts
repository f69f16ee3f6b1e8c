import { Argument, Option } from 'commander'
import { nativeCommandLine } from '../../../domain/devices/native-command-line.ts'
import { UsageError } from '../../../errors.ts'
import { type AllowFlags, declareAllow } from '../../options/allow.ts'
import { readXmlFile } from '../../options/xml-file.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import type { Verb } from '../../verb.ts'

interface Flags extends Pick<AllowFlags, 'allow'> {
  readonly domain?: string
  readonly xml?: string
}

/** `domxml-to-native qemu-argv` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    declareAllow(command)
      .addArgument(new Argument('<format>', 'the only one').choices(['qemu-argv']))
      .addArgument(new Argument('[xml]', 'libvirt domain XML'))
      .addOption(
        new Option('--domain <domain>', 'the definition of this domain instead').conflicts('xml'),
      ),
  looks: true,
  example: 'stasis domxml-to-native qemu-argv --domain web',
  run: async ([, file], { domain, allow }, { directories, signal }) => {
    if ((file === undefined) === (domain === undefined))
      throw new UsageError('BAD_COMBINATION', 'Give a file with domain XML, or --domain')
    const source =
      domain === undefined ? { xml: await readXmlFile(file ?? '', signal) } : { domain }
    const argv = await nativeCommandLine(source, { ...directories, signal, allow })
    return { text: shellText(argv), json: { type: 'result', argv } }
  },
}

/** A line for each option, as libvirt writes it. */
function shellText(argv: readonly string[]): string {
  return argv.reduce((text, argument) => {
    const word = shellWord(argument)
    if (text === '') return word
    return argument.startsWith('-') ? `${text} \\\n${word}` : `${text} ${word}`
  }, '')
}
