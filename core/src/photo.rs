//! Photos as a notebook keeps them: small, upright, and without a word about where and when they were taken.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

/// The largest file that is looked at, in bytes: 16 MiB.
pub const MAX_FILE_BYTES: usize = 16 << 20;
/// The largest width or height that is decoded, in pixels.
pub const MAX_SIDE: u32 = 12_000;
/// The most memory the decoded picture may take, in bytes: enough for 50 megapixels, not for a bomb.
pub const MAX_DECODED_BYTES: u64 = 192 << 20;
/// The largest photo that is kept, in bytes: 64 KiB, so that a thousand of them travel between devices in a minute.
pub const MAX_KEPT_BYTES: usize = 64 << 10;
/// The largest width and height that is kept, in pixels.
pub const KEPT_SIDE: u32 = 512;

/// Why a photo is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// It is larger than any photo of a person needs to be.
    #[error(
        "this photo is too large: at most 16 MiB, 12,000 pixels a side and 50 megapixels are read; choose a smaller copy"
    )]
    TooLarge,
    /// It is no picture, or a broken one.
    #[error("this is no photo that can be read; choose a JPEG, PNG or WebP file")]
    Unreadable(String),
}

impl From<ImageError> for PhotoError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooLarge,
            error => Self::Unreadable(error.to_string()),
        }
    }
}

/// Makes a JPEG of at most 512 × 512 pixels and 64 KiB of a JPEG, PNG or WebP file.
///
/// It is turned as its camera says, what is transparent becomes white, and nothing of its metadata is left.
///
/// # Errors
/// When the file is larger than the limits above, which is found before it is decoded, or is no such picture.
pub fn fit(bytes: &[u8]) -> Result<Vec<u8>, PhotoError> {
    let photo = opaque(&decode(bytes)?);
    // Pure noise is the one picture that does not fit at the lowest quality; it is made smaller then.
    for side in [KEPT_SIDE, KEPT_SIDE / 2, KEPT_SIDE / 4] {
        let photo = shrunk(DynamicImage::ImageRgb8(photo.clone()), side).into_rgb8();
        for quality in [85, 75, 65, 55, 45, 35, 25, 15] {
            let mut jpeg = Vec::new();
            JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&photo)?;
            if jpeg.len() <= MAX_KEPT_BYTES {
                return Ok(jpeg);
            }
        }
    }
    Err(PhotoError::TooLarge)
}

/// Whether the beginning of a file is that of a picture that is read here; what comes after it may still be damaged.
pub fn looks_readable(bytes: &[u8]) -> bool {
    decoder(bytes).is_ok()
}

/// The picture, upright and within 512 × 512 pixels.
fn decode(bytes: &[u8]) -> Result<DynamicImage, PhotoError> {
    let mut decoder = decoder(bytes)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut photo = shrunk(DynamicImage::from_decoder(decoder)?, KEPT_SIDE);
    photo.apply_orientation(orientation);
    Ok(photo)
}

fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, PhotoError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(PhotoError::TooLarge);
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| PhotoError::Unreadable(error.to_string()))?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(PhotoError::Unreadable("another kind of file".into()));
    }
    reader.limits(limits());
    let decoder = reader.into_decoder()?;
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(PhotoError::TooLarge);
    }
    Ok(decoder)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    // The decoder may need as much again as the picture.
    limits.max_alloc = Some(2 * MAX_DECODED_BYTES);
    limits
}

fn shrunk(photo: DynamicImage, side: u32) -> DynamicImage {
    if photo.width() <= side && photo.height() <= side { photo } else { photo.thumbnail(side, side) }
}

fn opaque(photo: &DynamicImage) -> RgbImage {
    let mut opaque = RgbImage::new(photo.width(), photo.height());
    for (target, source) in opaque.pixels_mut().zip(photo.to_rgba8().pixels()) {
        let [red, green, blue, alpha] = source.0.map(u16::from);
        *target = Rgb([red, green, blue].map(|color| ((color * alpha + 255 * (255 - alpha)) / 255) as u8));
    }
    opaque
}

#[cfg(test)]
mod tests {
    use image::{GenericImageView, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    fn file(photo: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        photo.write_to(&mut bytes, format).expect("written");
        bytes.into_inner()
    }

    /// Red on the left, blue on the right.
    fn two_colors(width: u32, height: u32) -> DynamicImage {
        let color = |x, _| if x < width / 2 { Rgb([220, 0, 0]) } else { Rgb([0, 0, 220]) };
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, color))
    }

    fn fitted(bytes: &[u8]) -> DynamicImage {
        let kept = fit(bytes).expect("fits");
        assert!(kept.len() <= MAX_KEPT_BYTES && kept.starts_with(&[0xFF, 0xD8]));
        image::load_from_memory(&kept).expect("a picture")
    }

    /// The same JPEG with a camera's note on how it was held.
    fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let exif = [
            &b"\xFF\xE1\x00\x22Exif\0\0II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..],
            &[orientation, 0, 0, 0, 0, 0, 0, 0],
        ];
        [&jpeg[..2], &exif.concat(), &jpeg[2..]].concat()
    }

    #[test]
    fn every_kind_of_photo_is_fitted_without_changing_its_shape() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let photo = fitted(&file(&two_colors(1200, 600), format));
            assert_eq!(photo.dimensions(), (512, 256));
            let Rgba([red, _, blue, _]) = photo.get_pixel(20, 100);
            assert!(red > 180 && blue < 60, "{red} {blue}");
        }
        assert_eq!(fitted(&file(&two_colors(30, 20), ImageFormat::Png)).dimensions(), (30, 20));
        assert_eq!(fitted(&file(&two_colors(5000, 1), ImageFormat::Png)).dimensions(), (512, 1));
    }

    #[test]
    fn a_photo_is_upright_and_says_nothing_of_its_camera() {
        let sideways = turned(&file(&two_colors(400, 200), ImageFormat::Jpeg), 6);
        assert_eq!(fitted(&sideways).dimensions(), (200, 400));
        let Rgba([red, _, blue, _]) = fitted(&sideways).get_pixel(100, 20);
        assert!(red > 180 && blue < 60, "{red} {blue}");
        assert!(!fit(&sideways).expect("fits").windows(4).any(|part| part == b"Exif"));
    }

    #[test]
    fn what_is_transparent_is_white() {
        let clear = DynamicImage::ImageRgba8(RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0])));
        let Rgba([red, ..]) = fitted(&file(&clear, ImageFormat::Png)).get_pixel(4, 4);
        assert!(red > 250);
    }

    #[test]
    fn even_noise_fits() {
        let mut seed = 1u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let photo = RgbImage::from_fn(512, 512, |_, _| Rgb([noise(), noise(), noise()]));
        fitted(&file(&DynamicImage::ImageRgb8(photo), ImageFormat::Png));
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_decoded() {
        assert!(matches!(fit(&vec![0; MAX_FILE_BYTES + 1]), Err(PhotoError::TooLarge)));
        let wide = file(&two_colors(MAX_SIDE + 1, 1), ImageFormat::Png);
        assert!(matches!(fit(&wide), Err(PhotoError::TooLarge)));
        // A small file that says it is 12,000 pixels wide and high.
        let mut claims = file(&two_colors(16, 16), ImageFormat::Jpeg);
        let frame = claims.windows(2).position(|mark| mark == [0xFF, 0xC0]).expect("a frame");
        claims[frame + 5..frame + 9].copy_from_slice(&[0x2E, 0xE0, 0x2E, 0xE0]);
        assert!(matches!(fit(&claims), Err(PhotoError::TooLarge)));
    }

    #[test]
    fn what_is_no_photo_is_said_to_be_none() {
        for wrong in
            [&b""[..], b"hello", b"GIF89a\x01\0\x01\0", b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]
        {
            assert!(matches!(fit(wrong), Err(PhotoError::Unreadable(_))), "{wrong:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn no_broken_photo_can_stop_the_program(
            kind in 0usize..3,
            changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..20),
            keep in 0.0..1.3f64,
        ) {
            let format = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP][kind];
            let mut bytes = turned(&file(&two_colors(24, 24), format), 3);
            if kind > 0 {
                bytes = file(&two_colors(24, 24), format);
            }
            for (at, byte) in changes {
                let at = usize::from(at) % bytes.len();
                bytes[at] = byte;
            }
            bytes.truncate((bytes.len() as f64 * keep) as usize);
            let _ = fit(&bytes);
        }
    }
}
