//! The rows of a bill, as they come.
//!
//! A bill is text in UTF-8, perhaps behind a byte order mark, in lines that end in CRLF: the names of the columns, then
//! rows; then the names of the sums, and the sums. Each cell but the names begins with a backtick. A text in a cell may
//! hold commas, so cells part at `` ,` ``. `protocol/v3` section 10.
//!
//! Nothing is held but the line that is being read: at most [`MAX_LINE`] bytes. **A row is to be believed only once the
//! whole file was checked**, whatever is made of it before.

use super::Unreadable;
use crate::money::{Fen, NotAnAmount};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;

/// How many bytes a line may have.
pub const MAX_LINE: usize = 64 * 1024;

/// Reads a bill piece by piece.
///
/// ```
/// use wxpay_proto::{Fen, wire::bill::{Amount, Line, Reader}};
///
/// let mut reader = Reader::new();
/// let mut paid = Vec::new();
/// for piece in ["\u{feff}商户订单号,商品名称,订单金额\r\n`A1,`米,面,`0", ".10\r\n总交易单数,订单总金额\r\n`1,`0.10\r\n"] {
///     reader.push(piece.as_bytes());
///     while let Some(line) = reader.next_line()? {
///         match line {
///             Line::Row(row) => paid.push((row.cell("商户订单号").map(String::from), row.amount("订单金额")?)),
///             Line::Sum(sum) => assert_eq!(sum.amount("订单总金额")?, Some(Amount::Plus(Fen::new(10)))),
///         }
///     }
/// }
/// assert!(reader.finish()?.is_none());
/// assert_eq!(paid, [(Some("A1".into()), Some(Amount::Plus(Fen::new(10))))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Reader {
    held: Vec<u8>,
    /// How much of what is held was read.
    read: usize,
    /// Where what is held begins in the whole.
    at: usize,
    columns: Vec<Box<str>>,
    part: Part,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Beginning,
    Rows,
    Sums,
}

/// A line of a bill that is not the names of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a bill has no third part")]
pub enum Line<'a> {
    /// One row.
    Row(Row<'a>),
    /// The sums at the end.
    Sum(Row<'a>),
}

/// Cells under the names of their columns. `Debug` shows how many; rows name people.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    columns: &'a [Box<str>],
    text: &'a str,
}

/// An amount that may be below zero, as fees are that are given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no third sign")]
pub enum Amount {
    /// Zero or more.
    Plus(Fen),
    /// Less than zero: so much.
    Minus(Fen),
}

impl Amount {
    /// Reads yuan as bills write them: perhaps a minus, and perhaps more than two decimals, of which all but the first
    /// two are zeros.
    ///
    /// # Errors
    ///
    /// When it is anything else.
    pub fn from_yuan(text: &str) -> Result<Self, NotAnAmount> {
        let (text, is_minus) = text.strip_prefix('-').map_or((text, false), |text| (text, true));
        let cents = text.find('.').map_or(text.len(), |dot| dot.saturating_add(3).min(text.len()));
        let (yuan, rest) = text.split_at_checked(cents).ok_or(NotAnAmount)?;
        if rest.bytes().any(|byte| byte != b'0') {
            return Err(NotAnAmount);
        }
        let fen = Fen::from_yuan(yuan)?;
        Ok(if is_minus && fen > Fen::ZERO { Self::Minus(fen) } else { Self::Plus(fen) })
    }
}

impl<'a> Row<'a> {
    /// The names of the columns.
    pub fn columns(self) -> impl Iterator<Item = &'a str> {
        self.columns.iter().map(|name| &**name)
    }

    /// The cells, as many as there are columns.
    pub fn cells(self) -> impl Iterator<Item = &'a str> {
        self.text.split(",`")
    }

    /// The cell under that name, which is the document's, such as `商户订单号`. Empty if the cell is.
    #[must_use]
    pub fn cell(self, name: &str) -> Option<&'a str> {
        self.columns().zip(self.cells()).find(|(column, _)| *column == name).map(|(_, cell)| cell)
    }

    /// The amount under that name. `None` if there is no such column, or the cell is empty.
    ///
    /// # Errors
    ///
    /// When it is no amount.
    pub fn amount(self, name: &str) -> Result<Option<Amount>, NotAnAmount> {
        self.cell(name).filter(|cell| !cell.is_empty()).map(Amount::from_yuan).transpose()
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} cells)", self.columns.len())
    }
}

impl Reader {
    /// A bill of which nothing was read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the unzipped bill. Then read all [lines](Self::next_line) there are: what is pushed is held
    /// until then.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.drain(..self.read);
        self.at = self.at.saturating_add(self.read);
        self.read = 0;
        self.held.extend_from_slice(bytes);
    }

    /// The next line, if it is there as a whole. `None` asks for more bytes.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8, longer than [`MAX_LINE`], out of place, or has not as many cells as there are columns. What
    /// follows it can then not be trusted to be read rightly: give up the bill.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, Unreadable> {
        while let Some(length) = self.unread().iter().position(|byte| *byte == b'\n') {
            let from = self.read;
            self.read = from.saturating_add(length).saturating_add(1);
            if self.take(from, length)? {
                return Ok(self.line(from, length));
            }
        }
        if self.unread().len() > MAX_LINE {
            return Err(self.fault(self.read, TOO_LONG));
        }
        Ok(None)
    }

    /// The last line, if no line feed ended it.
    ///
    /// # Errors
    ///
    /// As with [`next_line`](Self::next_line).
    pub fn finish(&mut self) -> Result<Option<Line<'_>>, Unreadable> {
        let (from, length) = (self.read, self.unread().len());
        self.read = self.held.len();
        if self.take(from, length)? { Ok(self.line(from, length)) } else { Ok(None) }
    }

    fn unread(&self) -> &[u8] {
        self.held.get(self.read..).unwrap_or_default()
    }

    /// Takes note of a line; tells whether it is one of cells.
    fn take(&mut self, from: usize, length: usize) -> Result<bool, Unreadable> {
        if length > MAX_LINE {
            return Err(self.fault(from, TOO_LONG));
        }
        let text = self.text(from, length).ok_or_else(|| self.fault(from, "a line that is not UTF-8"))?;
        if text.is_empty() {
            return Ok(false);
        }
        if let Some(cells) = text.strip_prefix('`') {
            return if self.part == Part::Beginning {
                Err(self.fault(from, "a row before the names of the columns"))
            } else if cells.split(",`").count() == self.columns.len() {
                Ok(true)
            } else {
                Err(self.fault(from, "a row with more or fewer cells than there are columns"))
            };
        }
        let columns = text.split(',').map(Box::from).collect();
        self.part = match self.part {
            Part::Beginning => Part::Rows,
            Part::Rows => Part::Sums,
            Part::Sums => return Err(self.fault(from, "names of columns behind the sums")),
        };
        self.columns = columns;
        Ok(false)
    }

    fn line(&self, from: usize, length: usize) -> Option<Line<'_>> {
        let row = Row { columns: &self.columns, text: self.text(from, length)?.strip_prefix('`')? };
        Some(if self.part == Part::Sums { Line::Sum(row) } else { Line::Row(row) })
    }

    /// A line's text, without what ends it, and without the mark that the file may begin with.
    fn text(&self, from: usize, length: usize) -> Option<&str> {
        let bytes = self.held.get(from..from.checked_add(length)?)?;
        let text = core::str::from_utf8(bytes.strip_suffix(b"\r").unwrap_or(bytes)).ok()?;
        let is_first = self.part == Part::Beginning;
        Some(text.strip_prefix('\u{feff}').filter(|_| is_first).unwrap_or(text))
    }

    fn fault(&self, at: usize, what: &'static str) -> Unreadable {
        Unreadable::new(self.at.saturating_add(at), what)
    }
}

const TOO_LONG: &str = "a line that is too long";

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String, vec};
    use proptest::prelude::*;

    const BILL: &str = "\u{feff}交易时间,商户订单号,商品名称,手续费\r\n\
        `2018-06-08 10:34:56,`A-1,`大米,10kg,`-0.01\r\n\
        `2018-06-08 10:34:57,`A-2,`,`0.00000\r\n\
        总交易单数,手续费总金额\r\n\
        `2,`-0.01\r\n";

    /// Every line, as (is it a sum, its cells).
    fn read(bill: &[u8], piece: usize) -> Result<Vec<(bool, Vec<String>)>, Unreadable> {
        let mut reader = Reader::new();
        let mut lines = Vec::new();
        let mut note = |line: Line<'_>| {
            let (is_sum, row) = match line {
                Line::Row(row) => (false, row),
                Line::Sum(row) => (true, row),
            };
            lines.push((is_sum, row.cells().map(String::from).collect()));
        };
        for piece in bill.chunks(piece) {
            reader.push(piece);
            while let Some(line) = reader.next_line()? {
                note(line);
            }
        }
        if let Some(line) = reader.finish()? {
            note(line);
        }
        Ok(lines)
    }

    #[test]
    fn a_bill_reads_the_same_in_whatever_pieces_it_comes() {
        let expected = vec![
            (false, vec!["2018-06-08 10:34:56".into(), "A-1".into(), "大米,10kg".into(), "-0.01".into()]),
            (false, vec!["2018-06-08 10:34:57".into(), "A-2".into(), String::new(), "0.00000".into()]),
            (true, vec!["2".into(), "-0.01".into()]),
        ];
        for piece in 1..=BILL.len() {
            assert_eq!(read(BILL.as_bytes(), piece).unwrap(), expected, "pieces of {piece}");
        }
        let unended = BILL.trim_end().replace("\r\n", "\n").replace('\u{feff}', "");
        assert_eq!(read(unended.as_bytes(), 7).unwrap(), expected);
    }

    #[test]
    fn cells_are_found_by_the_names_of_their_columns() {
        let mut reader = Reader::new();
        reader.push(BILL.as_bytes());
        let Some(Line::Row(row)) = reader.next_line().unwrap() else { panic!("a row") };
        assert_eq!(row.cell("商品名称"), Some("大米,10kg"));
        assert_eq!(row.cell("退款金额"), None);
        assert_eq!(row.amount("手续费"), Ok(Some(Amount::Minus(Fen::new(1)))));
        assert_eq!(row.amount("退款金额"), Ok(None));
        assert_eq!(row.amount("商户订单号"), Err(NotAnAmount));
        assert_eq!(format!("{row:?}"), "Row(4 cells)");
        let Some(Line::Row(row)) = reader.next_line().unwrap() else { panic!("a row") };
        assert_eq!((row.cell("商品名称"), row.amount("商品名称")), (Some(""), Ok(None)));
    }

    #[test]
    fn amounts_keep_every_fen_and_nothing_below_one() {
        for (text, amount) in [
            ("0", Amount::Plus(Fen::ZERO)),
            ("-0.00", Amount::Plus(Fen::ZERO)),
            ("12.3", Amount::Plus(Fen::new(1230))),
            ("12.34000", Amount::Plus(Fen::new(1234))),
            ("-12.34", Amount::Minus(Fen::new(1234))),
        ] {
            assert_eq!(Amount::from_yuan(text), Ok(amount), "{text}");
        }
        for text in ["", "-", "--1", "+1", "1.", "0.001", "0.00100", "1.00.00", "1元", "0.60%", "元.00元"]
        {
            assert_eq!(Amount::from_yuan(text), Err(NotAnAmount), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_bill_is_refused_where_it_goes_wrong() {
        for (bill, at, what) in [
            ("`1\r\n".as_bytes(), 0, "a row before the names of the columns"),
            (b"a,b\n`1\n", 4, "a row with more or fewer cells than there are columns"),
            (b"a,b\n`1,`2,`3\n", 4, "a row with more or fewer cells than there are columns"),
            (b"a\nb\nc\n", 4, "names of columns behind the sums"),
            (b"a\n\xff\n", 2, "a line that is not UTF-8"),
        ] {
            for piece in [1, bill.len()] {
                assert_eq!(read(bill, piece), Err(Unreadable::new(at, what)));
            }
        }
        let long = format!("a\n`{}", "x".repeat(MAX_LINE));
        assert_eq!(read(long.as_bytes(), 4096), Err(Unreadable::new(2, TOO_LONG)));
        assert_eq!(read(b"", 1), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_pieces_do_not_matter(
            bytes in prop::collection::vec(prop::sample::select(b"a,`\r\n\xef\xbb\xbf1".to_vec()), 0..64),
            piece in 1_usize..64,
        ) {
            let whole = read(&bytes, 64);
            prop_assert_eq!(read(&bytes, piece).is_ok(), whole.is_ok());
            if let Ok(lines) = whole {
                prop_assert_eq!(read(&bytes, piece).unwrap(), lines);
            }
        }
    }
}
