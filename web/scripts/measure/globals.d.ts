/** What the measurements add to the page. */

interface Window {
  noted: {moment: number; milliseconds: number; faces: number}[];
  firstFace: number;
  runNetworks: () => Promise<number[][][]>;
}
