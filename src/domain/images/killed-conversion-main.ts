import { removeLeftovers } from '../../image/remove-image.ts'

/** The program that runs when a converting process is killed. Its one argument is the path of the new image. Users do not call it. */
void removeLeftovers(process.argv[2] ?? '', false)
