interface Window {
  frames: {number: number; seconds: number; faces: any[]}[];
  answered: number;
}
